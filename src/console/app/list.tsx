import type { UseInfiniteQueryResult } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useKeys } from './keyboard.ts';
import { Failure } from './parts/failure.tsx';
import { SelectLoaded, SelectRow, type Selection } from './parts/selection.tsx';

export interface Column<T> {
  title: string;
  /** Of a row. */
  show: (row: T) => ReactNode;
  /** How wide, in rem; the rest is shared. */
  width?: number;
  isNumber?: boolean;
  /** Shown on narrow screens, too: three of them. */
  isMain?: boolean;
}

interface Props<T extends { id: string }> {
  label: string;
  rows: UseInfiniteQueryResult<T[]>;
  columns: readonly Column<T>[];
  /** The address of a row; the search stays. */
  to: (row: T) => string;
  /** The id of the row that is open. */
  openId: string | undefined;
  /** Shown where there is no row. */
  empty: ReactNode;
  /** Where rows can be chosen, to do something with many. */
  selection?: Selection | undefined;
}

const ROW_PX = 40;
/** What a column that shares the rest has at least, in rem. */
const LEAST_REM = 11;
/** So many rows before the end the next page is asked for. */
const AHEAD_ROWS = 40;

/** Any list: rows are links, only those in sight are in the page, and the next ones are there before one gets to them. */
export function List<T extends { id: string }>({
  label,
  rows,
  columns,
  to,
  openId,
  empty,
  selection,
}: Props<T>): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const [, navigate] = useLocation();
  const [at, setAt] = useState(-1);
  const items = rows.data ?? [];
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const seen = virtual.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = rows;
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= items.length - AHEAD_ROWS) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, items.length]);

  const open = items.findIndex(({ id }) => id === openId);
  const move = (by: number): void => {
    const next = Math.min(items.length - 1, Math.max(0, (at < 0 ? open : at) + by));
    const row = items[next];
    if (!row) return;
    setAt(next);
    virtual.scrollToIndex(next);
    if (openId !== undefined) navigate(to(row) + location.search);
  };
  const openCurrent = (): void => {
    const row = items[at];
    if (row) navigate(to(row) + location.search);
  };
  useKeys({ j: () => move(1), k: () => move(-1), x: () => selection?.toggle(items, at, false), Enter: openCurrent });

  if (rows.error) return <Failure error={rows.error} again={() => void rows.refetch()} />;
  if (rows.isPending) return <p className="quiet">Loading …</p>;
  if (items.length === 0) return <div className="empty">{empty}</div>;
  const before = seen[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (seen.at(-1)?.end ?? 0);
  return (
    <div ref={scroller} className="scroller" tabIndex={0} role="region" aria-label={label}>
      <table
        className="list"
        style={{ minWidth: `${widthOf(columns)}rem` }}
        aria-rowcount={hasNextPage ? -1 : items.length + 1}
      >
        <thead>
          <tr>
            {selection && (
              <th scope="col" className="check-cell main-cell">
                <SelectLoaded rows={items} selection={selection} />
              </th>
            )}
            {columns.map(({ title, width, isNumber, isMain }) => (
              <th
                key={title}
                scope="col"
                className={classOf(isNumber, isMain)}
                style={width === undefined ? {} : { width: `${width}rem` }}
              >
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && <Gap px={before} columns={columns.length + (selection ? 1 : 0)} />}
          {seen.map(({ index }) => {
            const row = items[index] as T;
            return (
              <tr
                key={row.id}
                aria-rowindex={index + 2}
                aria-selected={row.id === openId}
                className={index === at ? 'current' : ''}
                onClick={(event) => {
                  if (!(event.target as Element).closest('a, button, input')) navigate(to(row) + location.search);
                }}
              >
                {selection && (
                  <td className="check-cell main-cell">
                    <SelectRow rows={items} index={index} label={`Select row ${index + 1}`} selection={selection} />
                  </td>
                )}
                {columns.map(({ title, show, isNumber, isMain }, place) => (
                  <td key={title} className={classOf(isNumber, isMain)}>
                    {place === 0 ? <Link href={to(row) + location.search}>{show(row)}</Link> : show(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          {after > 0 && <Gap px={after} columns={columns.length + (selection ? 1 : 0)} />}
        </tbody>
      </table>
    </div>
  );
}

/** Narrower than that a table scrolls; on small screens, which show few of its columns, it never does (styles/base.css). */
function widthOf(columns: readonly { width?: number }[]): number {
  return columns.reduce((sum, { width = LEAST_REM }) => sum + width, 0);
}

/** Stands for the rows that are out of sight. */
function Gap({ px, columns }: { px: number; columns: number }): ReactNode {
  return (
    <tr aria-hidden="true" className="gap">
      <td colSpan={columns} style={{ height: px }} />
    </tr>
  );
}

function classOf(isNumber = false, isMain = false): string {
  return [isNumber ? 'number' : '', isMain ? 'main-cell' : ''].join(' ').trim();
}
