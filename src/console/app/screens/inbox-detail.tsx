import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { call } from '../call.ts';
import { wordsOf } from '../formats.ts';
import { useKeys } from '../keyboard.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { Copy, Id, Moment, Pairs, State } from '../parts/values.tsx';
import { useMay, usePlace, useWhere } from '../place.tsx';
import type { InboxEventDetail, Trace } from '../types.ts';

/** One message: as it came, as it was understood, and what became of it. */
export function InboxDetail({ id, back }: { id: string; back: string }): ReactNode {
  const event = useOne<InboxEventDetail>(`/inbox-events/${id}`);
  if (event.error) {
    return (
      <Drawer title="Message" back={back}>
        <Failure error={event.error} again={() => void event.refetch()} />
      </Drawer>
    );
  }
  if (!event.data) {
    return (
      <Drawer title="Message" back={back}>
        <p className="quiet">Loading …</p>
      </Drawer>
    );
  }
  return (
    <Drawer title={`${event.data.kind} message`} back={back}>
      <Summary event={event.data} />
      <Tabs
        label="Parts of the message"
        tabs={[
          { title: 'Understood', show: () => <Understood event={event.data} /> },
          { title: 'Raw', show: () => <Raw event={event.data} /> },
          { title: 'Headers', show: () => <Pairs of={Object.entries(event.data.headers)} /> },
          { title: 'Facts', show: () => <pre>{JSON.stringify(event.data.facts, null, 2)}</pre> },
        ]}
      />
    </Drawer>
  );
}

function Summary({ event }: { event: InboxEventDetail }): ReactNode {
  const { id, status, outcome, reason, error, conversionId, sourceId, receivedAt, settledAt } = event;
  const isConversion = conversionId?.startsWith('cnv_') ?? false;
  return (
    <>
      <Pairs
        of={[
          ['Id', <Id key="id" id={id} whole />],
          ['Received', <Moment key="received" at={receivedAt} />],
          ['Settled', <Moment key="settled" at={settledAt} />],
          ['Status', <State key="status" is={status} />],
          ['Outcome', outcome === null ? 'waits to be settled' : wordsOf(outcome)],
          ...(reason === null ? [] : [['Reason', wordsOf(reason)] as const]),
          ...(error === null ? [] : [['Error', error] as const]),
          [
            'Conversion',
            <Id key="conversion" id={conversionId} {...(isConversion ? { to: `/orders/${conversionId}` } : {})} />,
          ],
          ['Source', sourceId === null ? 'by API key' : <Id key="source" id={sourceId} />],
        ]}
      />
      <Replay event={event} />
    </>
  );
}

/** Settles it once more, after asking. */
function Replay({ event: { id } }: { event: InboxEventDetail }): ReactNode {
  const where = useWhere();
  const may = useMay('inbox:write');
  const queries = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const replay = useMutation({
    mutationFn: () => call(`/inbox-events/${id}/replay`, { method: 'POST', where }),
    onSuccess: () => {
      setAsking(false);
      return queries.invalidateQueries();
    },
  });
  useKeys({ r: () => may && setAsking(true), c: () => void navigator.clipboard.writeText(id) });
  if (!may) return null;
  return (
    <p className="actions">
      <button type="button" onClick={() => setAsking(true)}>
        Replay <kbd>r</kbd>
      </button>
      {replay.isSuccess && <span role="status">It is read and settled once more.</span>}
      <Confirm
        isOpen={isAsking}
        title="Replay this message?"
        act="Replay"
        isBusy={replay.isPending}
        error={replay.error}
        close={() => setAsking(false)}
        confirm={() => replay.mutate()}
      >
        <p>It is read again with the settings of today and settled. What was recorded before adds nothing.</p>
      </Confirm>
    </p>
  );
}

/** Field by field, ours from theirs: as the look-up tells it. */
function Understood({ event: { id } }: { event: InboxEventDetail }): ReactNode {
  const trace = useOne<Trace>('/trace', { query: { q: id } });
  if (trace.error) return <Failure error={trace.error} again={() => void trace.refetch()} />;
  if (!trace.data) return <p className="quiet">Loading …</p>;
  const message = trace.data.messages.find((each) => each.id === id);
  return (
    <>
      <p className="verdict">{trace.data.verdict.sentence}</p>
      {trace.data.verdict.advice !== null && <p className="quiet">{trace.data.verdict.advice}</p>}
      {message && message.understood.length > 0 && (
        <table>
          <caption className="hidden">How it was read</caption>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Theirs</th>
              <th scope="col">Value</th>
            </tr>
          </thead>
          <tbody>
            {message.understood.map(({ field, name, value }) => (
              <tr key={field}>
                <th scope="row">{field}</th>
                <td>{name === null ? <span className="quiet">the whole document</span> : <code>{name}</code>}</td>
                <td>
                  <bdi>{value}</bdi>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {message && message.hint !== '' && <p>{message.hint}</p>}
    </>
  );
}

function Raw({ event }: { event: InboxEventDetail }): ReactNode {
  const { session } = usePlace();
  const { raw, rawEncoding } = event;
  return (
    <>
      <p className="actions">
        <Copy text={raw} label="Copy what came">
          Copy
        </Copy>
        <Copy text={curlOf(event, session.publicUrl)} label="Copy as a curl command">
          Copy as curl
        </Copy>
        {rawEncoding === 'base64' && <span className="quiet">It is no text: base64.</span>}
      </p>
      <pre>{rawEncoding === 'utf8' ? pretty(raw) : raw}</pre>
    </>
  );
}

/** The call that brought it, as far as it is known: keys and signatures are not kept. */
function curlOf({ kind, sourceId, raw, headers }: InboxEventDetail, publicUrl: string): string {
  const quoted = `'${raw.replaceAll("'", String.raw`'\''`)}'`;
  const type = headers['content-type'] ?? 'application/json';
  const path = sourceId === null ? `/api/v1/${kind === 'event' ? 'events' : 'conversions'}` : `/in/${kind}/${sourceId}`;
  const url = kind === 'postback' ? `${publicUrl}/pb/${sourceId}` : publicUrl + path;
  const key = sourceId === null ? ` -H "Authorization: Bearer $KEY"` : '';
  return `curl -X POST '${url}'${key} -H 'Content-Type: ${type}' --data-raw ${quoted}`;
}

function pretty(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}
