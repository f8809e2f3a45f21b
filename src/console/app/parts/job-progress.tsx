import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, type ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import { useOne } from '../ask.ts';
import { call } from '../call.ts';
import { formatCount } from '../formats.ts';
import { useAddress, useMay, useWhere } from '../place.tsx';
import type { Job } from '../types.ts';
import { Failure } from './failure.tsx';
import { State } from './values.tsx';

const EVERY_MS = 1_000;
/** What was begun of a job that is cancelled is finished: so long its numbers may still change. */
const SETTLES_MS = 5_000;

const titles: Readonly<Record<Job['kind'], string>> = {
  commission_decisions: 'Deciding about commissions',
  inbox_replays: 'Replaying messages',
  message_resends: 'Resending messages',
};

/** The job that the address names, and how another one, or none, is put into it: a reload of the page loses nothing. */
export function useJobInAddress(): [string | null, (id: string | null) => void] {
  const [params, setParams] = useSearchParams();
  const set = (id: string | null): void =>
    setParams((before) => {
      const next = new URLSearchParams(before);
      if (id === null) next.delete('job');
      else next.set('job', id);
      return next;
    });
  return [params.get('job'), set];
}

/** How far the job is whose id the address has; nothing where it has none. */
export function JobProgress(): ReactNode {
  const [id, set] = useJobInAddress();
  return id === null ? null : <Progress key={id} id={id} close={() => set(null)} />;
}

function Progress({ id, close }: { id: string; close: () => void }): ReactNode {
  const where = useWhere();
  const queries = useQueryClient();
  const mayStop = useMay('jobs:write');
  const job = useOne<Job>(`/jobs/${id}`, { everyMs: (known) => (goesOn(known) ? EVERY_MS : false) });
  const stop = useMutation({
    mutationFn: () => call(`/jobs/${id}/cancel`, { method: 'POST', where }),
    onSuccess: () => job.refetch(),
  });
  const isOver = job.data !== undefined && job.data.finishedAt !== null;
  useEffect(() => {
    if (isOver) void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[2] !== `/jobs/${id}` });
  }, [isOver, queries, id]);
  if (job.error) {
    return (
      <section className="job" aria-label="Progress">
        <Failure error={job.error} again={() => void job.refetch()} />
        <button type="button" onClick={close}>
          Close
        </button>
      </section>
    );
  }
  const { kind, status, done, total } = job.data ?? { kind: null, status: 'queued', done: 0, total: 0 };
  return (
    <section className="job" aria-label="Progress">
      <p>
        <strong id="job-title">{kind === null ? 'Loading …' : titles[kind]}</strong> <State is={status} />{' '}
        {formatCount(done)} of {formatCount(total)}
        {job.data && <Counts job={job.data} />}
      </p>
      <progress aria-labelledby="job-title" value={done} max={Math.max(total, 1)} />
      <p className="hidden" role="status">
        {isOver ? `${titles[job.data.kind]}: ${status}` : ''}
      </p>
      {stop.error && <Failure error={stop.error} />}
      <p className="actions">
        {!isOver && mayStop && (
          <button type="button" disabled={stop.isPending || !job.data} onClick={() => stop.mutate()}>
            Stop
          </button>
        )}
        <button type="button" className="plain" onClick={close}>
          {isOver ? 'Close' : 'Hide (it goes on)'}
        </button>
      </p>
      {job.data && <Errors job={job.data} />}
    </section>
  );
}

function goesOn(job: Job | undefined): boolean {
  if (!job || job.finishedAt === null) return true;
  return job.status === 'cancelled' && Date.now() - Date.parse(job.finishedAt) < SETTLES_MS;
}

function Counts({ job: { skipped, failed } }: { job: Job }): ReactNode {
  if (skipped + failed === 0) return null;
  return (
    <span className="quiet">
      {' '}
      · {formatCount(skipped)} skipped, {formatCount(failed)} failed
    </span>
  );
}

const screens: Readonly<Record<string, (id: string) => string>> = {
  com: (id) => `/orders/cnv_${id.slice(4)}`,
  ibx: (id) => `/inbox/${id}`,
  evt: (id) => `/webhooks/deliveries?messageId=${id}`,
};

/** The first of what was not done, each with the reason. */
function Errors({ job: { errors } }: { job: Job }): ReactNode {
  const address = useAddress();
  if (errors.length === 0) return null;
  return (
    <details>
      <summary>Why some were not done</summary>
      <ul className="rows">
        {errors.map(({ id, reason }, index) => {
          const to = id === null ? undefined : screens[id.split('_')[0] ?? '']?.(id);
          return (
            <li key={id ?? index}>
              {id !== null && (to === undefined ? <code>{id}</code> : <Link href={address(to)}>{id}</Link>)}
              <bdi>{reason}</bdi>
            </li>
          );
        })}
      </ul>
    </details>
  );
}
