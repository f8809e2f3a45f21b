import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { base } from '../base.ts';
import { Failure } from '../parts/failure.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { Copy } from '../parts/values.tsx';
import { useAddress, usePlace } from '../place.tsx';
import type { EventType } from '../types.ts';
import { verifyCode } from '../verify-code.ts';

/** Every type of event with an example, and how a signature is verified. */
export function WebhookCatalogue({ type }: { type: string | undefined }): ReactNode {
  const address = useAddress();
  const types = useOne<EventType[]>('/event-types');
  const shown = types.data?.find((each) => each.type === type) ?? types.data?.[0];
  return (
    <div className="reading catalogue-page">
      <p>
        <Link href={address('/webhooks')}>Webhooks</Link>
      </p>
      <h1>Event types</h1>
      {types.error && <Failure error={types.error} again={() => void types.refetch()} />}
      {types.isPending && <p className="quiet">Loading …</p>}
      {types.data && (
        <div className="catalogue">
          <nav aria-label="Event types">
            <ul>
              {types.data.map((each) => (
                <li key={each.type}>
                  <Link
                    href={address(`/webhooks/catalogue/${each.type}`)}
                    aria-current={each === shown ? 'page' : undefined}
                  >
                    {each.type}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          {shown && <Example of={shown} />}
        </div>
      )}
      <h2>Verify a signature</h2>
      <p>
        Events are signed as <a href="https://www.standardwebhooks.com">Standard Webhooks</a> says, with the secret of
        the endpoint. Whole programs in five languages are in{' '}
        <a href={`${base.replace(/console$/, '')}docs/guides/verify-a-webhook`}>the guide</a>.
      </p>
      <Tabs
        label="Languages"
        tabs={verifyCode.map(({ language, code }) => ({
          title: language,
          show: () => (
            <>
              <p className="actions">
                <Copy text={code} label={`Copy the code for ${language}`}>
                  Copy
                </Copy>
              </p>
              <pre>{code}</pre>
            </>
          ),
        }))}
      />
    </div>
  );
}

function Example({ of: { type, description, version, hasPrevious, example } }: { of: EventType }): ReactNode {
  const { program, mode } = usePlace();
  const body = JSON.stringify(
    {
      id: 'evt_…',
      type,
      createdAt: '2026-12-01T12:00:00.000Z',
      livemode: mode === 'live',
      programId: program.id,
      data: example,
      ...(hasPrevious ? { previous: {} } : {}),
    },
    null,
    2,
  );
  return (
    <section aria-label={type}>
      <h2>{type}</h2>
      <p>{description}</p>
      <p className="quiet">
        Version {version} of the payload.{hasPrevious && ' `previous` has the changed fields with their old values.'}
      </p>
      <p className="actions">
        <Copy text={body} label="Copy the example">
          Copy the example
        </Copy>
      </p>
      <pre>{body}</pre>
    </section>
  );
}
