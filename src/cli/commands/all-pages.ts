import type { Page, PageRequest } from '../../db/page.ts';

const PAGE_SIZE = 500;

/** Every item of a list, page by page. */
export async function readAllPages<T extends { id: string }>(
  readPage: (request: PageRequest) => Promise<Page<T>>,
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const { items, hasMore } = await readPage({ limit: PAGE_SIZE, beforeId: all.at(-1)?.id ?? null });
    all.push(...items);
    if (!hasMore) return all;
  }
}
