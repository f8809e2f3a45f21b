import {
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
  type InfiniteData,
  type Query as CachedQuery,
  type QueryKey,
  type UseInfiniteQueryResult,
  type UseQueryResult,
} from '@tanstack/react-query';
import { useCallback } from 'react';
import { call, type Query, type Where } from './call.ts';
import { useWhere } from './place.tsx';
import type { Listed } from './types.ts';

/** By what an answer is kept, until it is asked for anew. */
export function keyOfOne({ programId, mode }: Where, path: string, query: Query = {}): QueryKey {
  return [programId, mode, path, query];
}

/** One object of this program and mode. */
export function useOne<T>(
  path: string,
  { query = {}, enabled = true, everyMs }: AskOptions<T> = {},
): UseQueryResult<T> {
  const where = useWhere();
  return useQuery<T>({
    queryKey: keyOfOne(where, path, query),
    queryFn: ({ signal }) => call<{ data: T }>(path, { query, where, signal }).then(({ data }) => data),
    enabled,
    ...(everyMs === undefined ? {} : { refetchInterval: toInterval(everyMs) }),
  });
}

interface AskOptions<T> {
  query?: Query;
  enabled?: boolean;
  /** Asks anew so often; false: no more. */
  everyMs?: number | ((known: T | undefined) => number | false);
}

function toInterval<T>(everyMs: NonNullable<AskOptions<T>['everyMs']>) {
  return typeof everyMs === 'number' ? everyMs : ({ state }: CachedQuery<T>) => everyMs(state.data);
}

/** So many rows are asked for at a time. */
export const PAGE_ROWS = 100;

/** A list of this program and mode, page by page. `rowOf` makes rows of what has no id by itself. */
export function useRows<T, Row = T>(
  path: string,
  query: Query,
  rowOf = asItIs as (item: T) => Row,
): UseInfiniteQueryResult<Row[]> {
  const where = useWhere();
  const select = useCallback(
    ({ pages }: InfiniteData<Listed<T>>) => pages.flatMap(({ data }) => data.map(rowOf)),
    [rowOf],
  );
  return useInfiniteQuery({
    queryKey: [where.programId, where.mode, path, 'rows', query],
    queryFn: ({ signal, pageParam }) =>
      call<Listed<T>>(path, { query: { ...query, limit: PAGE_ROWS, cursor: pageParam ?? undefined }, where, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ pagination }) => pagination.nextCursor,
    select,
    placeholderData: keepPreviousData,
  });
}

const asItIs = (item: unknown): unknown => item;
