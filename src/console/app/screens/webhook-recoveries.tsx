import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { call } from '../call.ts';
import { formatCount } from '../formats.ts';
import { Failure } from '../parts/failure.tsx';
import { Moment, State } from '../parts/values.tsx';
import { useWhere } from '../place.tsx';
import type { Recovery } from '../types.ts';
import type { PartProps } from './webhook-part.ts';
import { StartRecovery } from './webhook-recovery-start.tsx';

const EVERY_MS = 1_000;
const SHOWN = 100;

/** What was missed and is sent after all: begun here, followed, cancelled. */
export function WebhookRecoveries({ endpoint, mayWrite }: PartProps): ReactNode {
  const [isRunning, setRunning] = useState(true);
  const path = `/webhook-endpoints/${endpoint.id}/recoveries`;
  const recoveries = useOne<Recovery[]>(path, { query: { limit: SHOWN }, ...(isRunning ? { everyMs: EVERY_MS } : {}) });
  const stillRuns = recoveries.data?.some(({ status }) => status === 'running') ?? true;
  if (stillRuns !== isRunning) setRunning(stillRuns);
  return (
    <div className="endpoint-part reading">
      {mayWrite && <StartRecovery endpoint={endpoint} />}
      <h2>Recoveries</h2>
      {recoveries.error && <Failure error={recoveries.error} again={() => void recoveries.refetch()} />}
      {recoveries.isPending && <p className="quiet">Loading …</p>}
      {recoveries.data?.length === 0 && <p className="quiet">There was none.</p>}
      {recoveries.data && recoveries.data.length > 0 && (
        <ul className="rows">
          {recoveries.data.map((recovery) => (
            <li key={recovery.id}>
              <Moment at={recovery.createdAt} />
              <State is={recovery.status} />
              <span>
                {recovery.kind === 'failed' ? 'failed or held' : 'never meant for it'} since{' '}
                <Moment at={recovery.since} />: {formatCount(recovery.recovered)} made due
              </span>
              {mayWrite && recovery.status === 'running' && <Cancel path={`${path}/${recovery.id}`} />}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Cancel({ path }: { path: string }): ReactNode {
  const where = useWhere();
  const queries = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => call(`${path}/cancel`, { method: 'POST', where }),
    onSuccess: () => queries.invalidateQueries(),
  });
  return (
    <>
      <button type="button" disabled={cancel.isPending} onClick={() => cancel.mutate()}>
        Cancel
      </button>
      {cancel.error && <Failure error={cancel.error} />}
    </>
  );
}
