import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../call.ts';
import { formatCount } from '../formats.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Failure } from '../parts/failure.tsx';
import { useWhere } from '../place.tsx';
import type { Endpoint, Recovery } from '../types.ts';

type Kind = Recovery['kind'];

const DAY_MS = 86_400_000;

/** What failed or was held is counted first; what the endpoint was never meant to get cannot be. */
export function StartRecovery({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const where = useWhere();
  const queries = useQueryClient();
  const [kind, setKind] = useState<Kind>('failed');
  const [since, setSince] = useState(() => localTime(new Date(Date.now() - DAY_MS)));
  const [isAsking, setAsking] = useState(false);
  const path = `/webhook-endpoints/${endpoint.id}`;
  const body = { since: instantOf(since) };
  const count = useQuery({
    queryKey: [where.programId, where.mode, path, 'recoverable', since],
    queryFn: () =>
      call<{ data: { count: number } }>(`${path}/recover`, {
        method: 'POST',
        where,
        body: { ...body, countOnly: true },
      }).then(({ data }) => data.count),
    enabled: isAsking && kind === 'failed',
    staleTime: 0,
  });
  const start = useMutation({
    mutationFn: () =>
      call(`${path}/${kind === 'failed' ? 'recover' : 'replay-missing'}`, { method: 'POST', where, body }),
    onSuccess: () => {
      setAsking(false);
      return queries.invalidateQueries();
    },
  });
  const nothing = kind === 'failed' && (count.data === undefined || count.data === 0);
  return (
    <section aria-label="Start a recovery">
      <h2>Send what was missed</h2>
      {endpoint.disabled && <p className="quiet">It is disabled: enable it first, under Settings.</p>}
      <form
        className="stack endpoint-form"
        onSubmit={(event) => {
          event.preventDefault();
          setAsking(true);
        }}
      >
        <label>
          What
          <select value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
            <option value="failed">what failed, or was held while it was disabled</option>
            {endpoint.kind !== 'postback' && (
              <option value="missing">
                what it was never meant to get: from before it was made, or asked for the type
              </option>
            )}
          </select>
        </label>
        <label>
          Created since (the time of this computer)
          <input type="datetime-local" required value={since} onChange={(event) => setSince(event.target.value)} />
        </label>
        <p className="actions">
          <button type="submit" disabled={endpoint.disabled}>
            {kind === 'failed' ? 'Count them' : 'Send them'} …
          </button>
        </p>
      </form>
      <Confirm
        isOpen={isAsking}
        title="Send them again?"
        act={count.data === undefined || kind === 'missing' ? 'Start' : `Send ${formatCount(count.data)}`}
        isBusy={start.isPending || nothing}
        error={start.error}
        close={() => setAsking(false)}
        confirm={() => start.mutate()}
      >
        {count.error && <Failure error={count.error} />}
        <p role="status">{sentenceOf(kind, count.data)}</p>
        <p>It goes on in the background, each delivery once, and can be cancelled.</p>
      </Confirm>
    </section>
  );
}

function sentenceOf(kind: Kind, count: number | undefined): string {
  if (kind === 'missing') return 'How many they are is known only when they are gone through.';
  if (count === undefined) return 'They are counted …';
  return count === 0
    ? 'Nothing failed, or was held, since then.'
    : `${formatCount(count)} deliveries failed or are held.`;
}

/** As an input of the browser writes a moment of its own clock, to the minute. */
function localTime(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function instantOf(local: string): string {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? local : at.toISOString();
}
