import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import { call } from '../call.ts';
import { Failure } from '../parts/failure.tsx';
import { Field, problemOf, restOf } from '../parts/field.tsx';
import { useMay, useWhere } from '../place.tsx';
import type { SourceDetail } from '../types.ts';
import { LiveLine } from './live-line.tsx';
import { textOf, useCreate } from './source-changes.ts';
import { FollowTest } from './source-test.tsx';
import { nameOf } from './source-words.ts';
import { toTrackerBody, toTrackerInput, trackerFields, TrackerFields } from './tracker-fields.tsx';
import { Step, ToPaste } from './wizard.tsx';

/** A tracker: which one, the address to paste, and what comes. */
export function NewTracker({ source }: { source?: SourceDetail }): ReactNode {
  return (
    <ol className="steps">
      <Step title="Choose the tracker" isReady>
        {source ? <p className="quiet">Done. Its settings can be changed at the source.</p> : <Begin />}
      </Step>
      <Step title="Paste the postback address" isReady={source !== undefined}>
        {source && <Address source={source} />}
      </Step>
      <Step title="See what comes" isReady={source !== undefined}>
        {source && <LiveLine source={source} />}
      </Step>
      <Step title="Follow a test to a commission" isReady={source !== undefined}>
        {source && <FollowTest source={source} />}
      </Step>
    </ol>
  );
}

function Begin(): ReactNode {
  const create = useCreate();
  const [input, setInput] = useState(() => toTrackerInput());
  const begin = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const name = textOf(new FormData(event.currentTarget), 'name');
    create.mutate({ kind: 'postback', name: name === '' ? null : name, ...toTrackerBody(input) });
  };
  const rest = restOf(create.error, ['name', ...trackerFields]);
  return (
    <form className="stack" onSubmit={begin}>
      <TrackerFields input={input} change={setInput} error={create.error} />
      <Field label="Name" hint="In your own words, for the list" problem={problemOf(create.error, 'name')}>
        {(described) => <input {...described} name="name" maxLength={255} />}
      </Field>
      {rest && <Failure error={rest} />}
      <button type="submit" className="main" disabled={create.isPending}>
        Make the address
      </button>
    </form>
  );
}

/** Ready to paste, once a key stands in it. */
function Address({ source }: { source: SourceDetail }): ReactNode {
  const where = useWhere();
  const mayMakeKeys = useMay('api-keys:write');
  const url = source.postbackUrl ?? source.url ?? '';
  const make = useMutation({
    mutationFn: () =>
      call<{ data: { key: string } }>('/api-keys', {
        method: 'POST',
        where,
        body: { name: `Postbacks of ${nameOf(source)}`.slice(0, 200), mode: where.mode, access: 'ingest' },
      }).then(({ data }) => data.key),
  });
  const needsKey = url.includes('API_KEY');
  return (
    <>
      <p>
        Set it as the postback of the traffic source, or of the campaign. What stands in braces is filled in by the
        tracker.
      </p>
      <ToPaste label="the address" text={make.data === undefined ? url : url.replace('API_KEY', make.data)} />
      {needsKey && make.data === undefined && (
        <p className="actions">
          <span>
            Replace <code>API_KEY</code> by a key that may only send.
          </span>
          {mayMakeKeys && (
            <button type="button" disabled={make.isPending} onClick={() => make.mutate()}>
              Make a key and put it in
            </button>
          )}
        </p>
      )}
      {make.data !== undefined && (
        <p role="status">
          A key that may only send stands in it. It is shown this once: copy the address before you leave the page.
        </p>
      )}
      {make.error && <Failure error={make.error} />}
    </>
  );
}
