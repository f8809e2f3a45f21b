import { useId, type ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { TextField } from '../parts/fields.tsx';
import type { Form } from '../parts/form.tsx';
import { useMay } from '../place.tsx';
import type { PostbackMacro, PostbackPreset } from '../types.ts';
import type { TypedAffiliate } from './affiliate-typed.ts';
import { PostbackTest } from './postback-test.tsx';

/** The URL by which an affiliate's tracker is told: typed, or taken from a ready one; with its macros and a test. */
export function PostbackFields({ form }: { form: Form<TypedAffiliate> }): ReactNode {
  const may = useMay('webhooks:read');
  const presets = useOne<PostbackPreset[]>('/postback-presets', { enabled: may });
  const macros = useOne<PostbackMacro[]>('/postback-macros', { enabled: may });
  const id = useId();
  return (
    <>
      <TextField
        form={form}
        name="postbackUrl"
        label="Postback URL of their tracker"
        type="url"
        placeholder="https://tracker.example/postback?cid={click_id}&payout={payout}"
        maxLength={2048}
      />
      {presets.data && (
        <div className="form-field">
          <label htmlFor={id}>… or a ready one, to be completed</label>
          <select
            id={id}
            value={presets.data.find(({ url }) => url === form.values.postbackUrl)?.url ?? ''}
            onChange={(event) => form.set('postbackUrl', event.target.value)}
          >
            <option value="">none of them</option>
            {presets.data.map(({ tracker, url }) => (
              <option key={tracker} value={url}>
                {tracker}
              </option>
            ))}
          </select>
        </div>
      )}
      <PostbackTest url={form.values.postbackUrl} />
      {macros.data && (
        <details>
          <summary>What can stand in braces</summary>
          <dl className="pairs">
            {macros.data.map(({ name, macro, description }) => (
              <div key={name}>
                <dt>
                  <code>{macro}</code>
                </dt>
                <dd>{description}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </>
  );
}
