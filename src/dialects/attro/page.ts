import type { Page } from '../../db/page.ts';
import { answer, type DialectAnswer } from '../dialect.ts';

/** A counted page of a list: the data, and `{total, limit, offset, hasMore}`. */
export function answerPage<T>(
  page: Page<T>,
  { limit, offset }: { limit: number; offset: number },
  view: (item: T) => object,
): DialectAnswer {
  return answer(200, {
    data: page.items.map(view),
    pagination: { total: page.total ?? 0, limit, offset, hasMore: page.hasMore },
  });
}
