import {
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
  type QueryKey,
  type UseInfiniteQueryResult,
  type UseQueryResult,
} from '@tanstack/react-query';
import { call, type Query, type Where } from './call.ts';
import { useWhere } from './place.tsx';
import type { Listed } from './types.ts';

/** By what an answer is kept, until it is asked for anew. */
export function keyOfOne({ programId, mode }: Where, path: string, query: Query = {}): QueryKey {
  return [programId, mode, path, query];
}

/** One object of this program and mode. */
export function useOne<T>(path: string, { query = {}, enabled = true, everyMs }: AskOptions = {}): UseQueryResult<T> {
  const where = useWhere();
  return useQuery({
    queryKey: keyOfOne(where, path, query),
    queryFn: ({ signal }) => call<{ data: T }>(path, { query, where, signal }).then(({ data }) => data),
    enabled,
    ...(everyMs === undefined ? {} : { refetchInterval: everyMs }),
  });
}

interface AskOptions {
  query?: Query;
  enabled?: boolean;
  /** Asks anew so often. */
  everyMs?: number;
}

/** So many rows are asked for at a time. */
const PAGE_ROWS = 100;

/** A list of this program and mode, page by page. */
export function useRows<T>(path: string, query: Query): UseInfiniteQueryResult<T[]> {
  const where = useWhere();
  return useInfiniteQuery({
    queryKey: [where.programId, where.mode, path, 'rows', query],
    queryFn: ({ signal, pageParam }) =>
      call<Listed<T>>(path, { query: { ...query, limit: PAGE_ROWS, cursor: pageParam ?? undefined }, where, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ pagination }) => pagination.nextCursor,
    select: ({ pages }) => pages.flatMap(({ data }) => data),
    placeholderData: keepPreviousData,
  });
}
