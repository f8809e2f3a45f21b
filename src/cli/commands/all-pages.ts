import type { Page, PageRequest } from '../../db/page.ts';

const PAGE_SIZE = 500;

/** Every item of a list, page by page. `keyOf` gives what the list is sorted by. */
export async function readAllPages<T extends { id: string }>(
  readPage: (request: PageRequest) => Promise<Page<T>>,
  keyOf: (item: T) => string = ({ id }) => id,
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const last = all.at(-1);
    const { items, hasMore } = await readPage({ limit: PAGE_SIZE, beforeId: last ? keyOf(last) : null });
    all.push(...items);
    if (!hasMore) return all;
  }
}
