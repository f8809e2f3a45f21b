import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { useOne } from '../ask.ts';
import { call } from '../call.ts';
import { formatCount } from '../formats.ts';
import { useMay, useWhere } from '../place.tsx';
import type { Job } from '../types.ts';
import { Failure } from '../parts/failure.tsx';
import { State } from '../parts/values.tsx';

const PARAM = 'job';
const EVERY_MS = 700;

/** The job that the address names, and how another one is put into it: a reload of the page loses nothing. */
export function useJobInAddress(): [string | null, (id: string | null) => void] {
  const [params, setParams] = useSearchParams();
  const set = (id: string | null): void =>
    setParams((before) => {
      const next = new URLSearchParams(before);
      if (id === null) next.delete(PARAM);
      else next.set(PARAM, id);
      return next;
    });
  return [params.get(PARAM), set];
}

/** How far the job in the address has come. Nothing where there is none. */
export function ResendProgress(): ReactNode {
  const [id, set] = useJobInAddress();
  return id === null ? null : <Progress key={id} id={id} close={() => set(null)} />;
}

function Progress({ id, close }: { id: string; close: () => void }): ReactNode {
  const where = useWhere();
  const may = useMay('jobs:write');
  const queries = useQueryClient();
  const [isOver, setOver] = useState(false);
  const job = useOne<Job>(`/jobs/${id}`, isOver ? {} : { everyMs: EVERY_MS });
  const finishedAt = job.data?.finishedAt ?? null;
  useEffect(() => {
    if (finishedAt === null) return;
    setOver(true);
    void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey.includes('rows') });
  }, [finishedAt, queries]);
  const cancel = useMutation({
    mutationFn: () => call(`/jobs/${id}/cancel`, { method: 'POST', where }),
    onSuccess: () => job.refetch(),
  });
  if (job.error) return <Failure error={job.error} again={() => void job.refetch()} />;
  if (!job.data) return <p className="quiet">Loading …</p>;
  const { status, total, done, skipped, failed, errors } = job.data;
  return (
    <section className="resend-progress" aria-label="Resend">
      <p role="status">
        Resend: <State is={status} /> {formatCount(done)} of {formatCount(total)}
        {skipped > 0 && `, ${formatCount(skipped)} skipped`}
        {failed > 0 && `, ${formatCount(failed)} failed`}
      </p>
      <progress value={done} max={Math.max(1, total)} aria-label="Resend" />
      {finishedAt === null && may && (
        <button type="button" disabled={cancel.isPending} onClick={() => cancel.mutate()}>
          Cancel
        </button>
      )}
      {finishedAt !== null && (
        <button type="button" className="plain" onClick={close}>
          Done
        </button>
      )}
      {cancel.error && <Failure error={cancel.error} />}
      {errors.length > 0 && (
        <details>
          <summary>What was not done</summary>
          <ul>
            {errors.map(({ id: itemId, reason }) => (
              <li key={`${itemId} ${reason}`}>
                {itemId !== null && <code>{itemId}</code>} {reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
