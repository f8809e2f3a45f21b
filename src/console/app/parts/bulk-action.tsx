import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, type ReactNode } from 'react';
import { call, type Query } from '../call.ts';
import { formatCount } from '../formats.ts';
import { useWhere } from '../place.tsx';
import type { Job } from '../types.ts';
import { Confirm } from './confirm.tsx';
import { useJobInAddress } from './job-progress.tsx';
import type { Selection } from './selection.tsx';

interface Props {
  isOpen: boolean;
  close: () => void;
  /** What is asked: `Approve 12 commissions?` of `12 commissions`. */
  title: (what: string) => string;
  /** What they are, one and many. */
  noun: readonly [one: string, many: string];
  /** What the button says. */
  act: string;
  /** Where the API takes `ids` or a `filter`, and begins a job. */
  path: string;
  /** What else its body says. */
  body?: object;
  selection: Selection;
  /** Names what is selected as the API does. */
  idOf?: (rowId: string) => string;
  /** All that match, where nothing is selected. */
  filter: Query;
  children?: ReactNode;
}

/**
 * Does something with the selected, or with all that match: tells first how many they are, begins a job, and leaves the job's
 * id in the address, so that a reload loses nothing.
 */
export function BulkAction(props: Props): ReactNode {
  const { isOpen, close, title, noun, act, path, body, selection, idOf = same, filter, children } = props;
  const where = useWhere();
  const [, setJob] = useJobInAddress();
  const isOfAll = selection.ids.size === 0;
  const which = isOfAll ? { filter } : { ids: [...selection.ids].map(idOf) };
  const matching = useQuery({
    queryKey: [where.programId, where.mode, path, 'count', which],
    queryFn: ({ signal }) =>
      call<{ data: { count: number } }>(path, {
        method: 'POST',
        where,
        body: { ...body, ...which, countOnly: true },
        signal,
      }),
    enabled: isOpen && isOfAll,
    staleTime: 0,
    gcTime: 0,
  });
  const start = useMutation({
    mutationFn: () => call<{ data: Job }>(path, { method: 'POST', where, body: { ...body, ...which } }),
    onSuccess: ({ data }) => {
      close();
      selection.clear();
      setJob(data.id);
    },
  });
  const { reset } = start;
  useEffect(() => {
    if (!isOpen) reset();
  }, [isOpen, reset]);
  const count = isOfAll ? matching.data?.data.count : selection.ids.size;
  const what = count === undefined ? `all matching ${noun[1]}` : `${formatCount(count)} ${noun[count === 1 ? 0 : 1]}`;
  return (
    <Confirm
      isOpen={isOpen}
      title={title(what)}
      act={act}
      isBusy={start.isPending || count === undefined || count === 0}
      error={matching.error ?? start.error}
      close={close}
      confirm={() => start.mutate()}
    >
      {isOfAll && (
        <p role="status">
          {count === undefined ? 'Counting …' : `All that match the filters now: ${formatCount(count)}.`}
        </p>
      )}
      {children}
    </Confirm>
  );
}

const same = (id: string): string => id;
