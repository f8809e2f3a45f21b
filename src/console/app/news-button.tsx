import type { UseInfiniteQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { formatCount } from './formats.ts';
import { useHeard } from './live.ts';
import type { News } from './types.ts';

interface Props {
  kind: News['kind'];
  rows: UseInfiniteQueryResult<{ id: string }[]>;
  /** Whether they fit the filters is known only when they are shown. */
  isFiltered: boolean;
}

/** "12 new", instead of a list that jumps while one reads it. */
export function NewsButton({ kind, rows, isFiltered }: Props): ReactNode {
  const { heard, moreAt } = useHeard();
  if (!rows.data) return null;
  // A delivery's id begins with that of its message.
  const listed = new Set(rows.data.map(({ id }) => id.split(':', 1)[0]));
  const since = rows.dataUpdatedAt;
  const count = heard.filter((each) => each.kind === kind && each.heardAt > since && !listed.has(each.id)).length;
  const isMore = moreAt > since;
  return (
    <span className="news" role="status">
      {count > 0 && (
        <button type="button" className="main" disabled={rows.isFetching} onClick={() => void rows.refetch()}>
          {isMore && 'more than '}
          {formatCount(count)} new{isFiltered && ', where they fit'}
        </button>
      )}
    </span>
  );
}
