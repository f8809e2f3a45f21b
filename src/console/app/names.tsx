import { useQueries } from '@tanstack/react-query';
import { createContext, useContext, useMemo, type ReactNode } from 'react';
import { PAGE_ROWS } from './ask.ts';
import { call } from './call.ts';
import { shortId } from './formats.ts';
import { Id } from './parts/values.tsx';
import { useWhere } from './place.tsx';
import type { Name } from './types.ts';

/** A row, as far as it names somebody or something. */
interface Naming {
  affiliateId?: string | null;
  offerId?: string | null;
}

/** Names change seldom: a list that is filtered anew need not ask for them again. */
const KEPT_MS = 300_000;

/** What ids are called; undefined: not known yet. Null: nothing is called so. */
type NameOf = (id: string) => string | null | undefined;

const NamesContext = createContext<NameOf>(() => undefined);

/** Gets what the affiliates and offers of these rows are called, by one call for each page of a list, and tells it to `<Named>` within. */
export function WithNames({ of: rows, children }: { of: readonly Naming[]; children: ReactNode }): ReactNode {
  return <NamesContext value={useNames(rows)}>{children}</NamesContext>;
}

function useNames(rows: readonly Naming[]): NameOf {
  const { programId, mode } = useWhere();
  const pages = useMemo(() => newIdsByPage(rows), [rows]);
  const answers = useQueries({
    queries: pages.map((ids) => ({
      queryKey: [programId, mode, '/names', ids],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        call<{ data: Name[] }>('/names', { query: { ids: ids.join(',') }, where: { programId, mode }, signal }),
      staleTime: KEPT_MS,
    })),
    combine: (results) => ({
      names: new Map(results.flatMap(({ data }) => data?.data.map(({ id, name }) => [id, name] as const) ?? [])),
      isPending: results.some(({ isPending }) => isPending),
    }),
  });
  const { names, isPending } = answers;
  return useMemo(() => (id) => names.get(id) ?? (isPending ? undefined : null), [names, isPending]);
}

/** The ids of each page that no page before it has, sorted: so a page that is there asks nothing when the next one comes. */
function newIdsByPage(rows: readonly Naming[]): string[][] {
  const known = new Set<string>();
  const pages: string[][] = [];
  for (let at = 0; at < rows.length; at += PAGE_ROWS) {
    const ids = rows.slice(at, at + PAGE_ROWS).flatMap(({ affiliateId, offerId }) => [affiliateId, offerId]);
    const fresh = new Set(ids.filter((id) => id !== null && id !== undefined && !known.has(id)) as string[]);
    for (const id of fresh) known.add(id);
    if (fresh.size > 0) pages.push([...fresh].sort());
  }
  return pages;
}

/** An affiliate or an offer, by its name; in full with the id, to be copied. */
export function Named({ id, full = false }: { id: string | null; full?: boolean }): ReactNode {
  const name = useContext(NamesContext);
  if (id === null) return <span className="quiet">—</span>;
  const called = name(id);
  if (called === undefined) return <span className="quiet">…</span>;
  if (!full) return called === null ? <code title={id}>{shortId(id)}</code> : <bdi title={called}>{called}</bdi>;
  return (
    <>
      {called !== null && <bdi>{called} </bdi>}
      <Id id={id} />
    </>
  );
}
