import type { ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { formatCount, wordsOf } from '../formats.ts';
import { Failure } from '../parts/failure.tsx';
import { Moment, Pairs } from '../parts/values.tsx';
import type { Refusal, SourceDetail } from '../types.ts';

/** What was turned away: how often for which reason, and the newest samples of it. */
export function Refusals({ source: { ref, refusals24h } }: { source: SourceDetail }): ReactNode {
  const refusals = useOne<Refusal[]>(`/sources/${ref}/refusals`, { query: { limit: 100 } });
  if (refusals.error) return <Failure error={refusals.error} again={() => void refusals.refetch()} />;
  if (!refusals.data) return <p className="quiet">Loading …</p>;
  if (refusals.data.length === 0) return <p className="quiet">Nothing was turned away within thirty days.</p>;
  return (
    <>
      {refusals24h.length > 0 && (
        <Pairs of={refusals24h.map(({ reason, count }) => [wordsOf(reason), `${formatCount(count)} within 24 h`])} />
      )}
      <ul className="samples">
        {refusals.data.map((refusal) => (
          <li key={refusal.id}>
            <Sample refusal={refusal} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Sample({ refusal }: { refusal: Refusal }): ReactNode {
  const { reason, message, status, method, network, query, body, contentType, userAgent, references, count } = refusal;
  return (
    <details>
      <summary>
        <Moment at={refusal.lastAt} /> <strong className="bad">{wordsOf(reason)}</strong>
        {count > 1 && <span className="quiet"> {formatCount(count)} times</span>}
        <span className="quiet"> {message}</span>
      </summary>
      <Pairs
        of={[
          ['Answer', String(status)],
          ['From', network ?? 'unknown'],
          ['By', userAgent === null ? 'nobody said' : <bdi key="by">{userAgent}</bdi>],
          ['First', <Moment key="first" at={refusal.firstAt} />],
          ...(references.length === 0 ? [] : [['It named', <bdi key="named">{references.join(', ')}</bdi>] as const]),
          ...(contentType === null ? [] : [['Type', contentType] as const]),
        ]}
      />
      {query !== null && <pre>{`${method} ?${query}`}</pre>}
      {body !== null && <pre>{body}</pre>}
      <p className="quiet">Keys, signatures and other secrets are taken out.</p>
    </details>
  );
}
