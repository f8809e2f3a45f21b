import { useMutation, useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../call.ts';
import { formatCount } from '../formats.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Failure } from '../parts/failure.tsx';
import { useJobInAddress } from '../parts/job-progress.tsx';
import { useWhere } from '../place.tsx';
import type { Endpoint, Job } from '../types.ts';

interface Props {
  endpoint: Endpoint;
  /** Ids of messages. */
  chosen: ReadonlySet<string>;
  clear: () => void;
  filter: Readonly<Record<string, string | undefined>>;
}

/** What is sent again: those that are selected, or all that the filters show. */
type Asked = 'chosen' | 'matching';

export function ResendMany({ endpoint, chosen, clear, filter }: Props): ReactNode {
  const where = useWhere();
  const [, setJob] = useJobInAddress();
  const [asked, setAsked] = useState<Asked | null>(null);
  const what =
    asked === 'chosen' ? { ids: [...chosen] } : { filter: { ...dropAbsent(filter), endpointId: endpoint.id } };
  const body = { endpointId: endpoint.id, ...what };
  const count = useQuery({
    queryKey: [where.programId, where.mode, 'resends', body],
    queryFn: () =>
      call<{ data: { count: number } }>('/messages/resends', {
        method: 'POST',
        where,
        body: { ...body, countOnly: true },
      }).then(({ data }) => data.count),
    enabled: asked !== null,
    staleTime: 0,
  });
  const resend = useMutation({
    mutationFn: () =>
      call<{ data: Job }>('/messages/resends', { method: 'POST', where, body }).then(({ data }) => data),
    onSuccess: (job) => {
      setAsked(null);
      clear();
      setJob(job.id);
    },
  });
  return (
    <p className="actions">
      <button type="button" disabled={chosen.size === 0} onClick={() => setAsked('chosen')}>
        Resend the selected{chosen.size > 0 && ` (${formatCount(chosen.size)})`}
      </button>
      <button type="button" onClick={() => setAsked('matching')}>
        Resend all that match
      </button>
      <Confirm
        isOpen={asked !== null}
        title="Send these again?"
        act={count.data === undefined ? 'Resend' : `Resend ${formatCount(count.data)}`}
        isBusy={resend.isPending || count.data === undefined || count.data === 0}
        error={resend.error}
        close={() => setAsked(null)}
        confirm={() => resend.mutate()}
      >
        {count.error ? (
          <Failure error={count.error} />
        ) : (
          <p role="status">
            {count.data === undefined
              ? 'They are counted …'
              : `${formatCount(count.data)} messages, each once, at their turn.`}
          </p>
        )}
        <p>The endpoint gets the same bytes under the same ids as before: what it remembers, it does not do twice.</p>
      </Confirm>
    </p>
  );
}

function dropAbsent(filter: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
