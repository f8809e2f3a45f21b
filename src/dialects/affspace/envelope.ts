import { toListBody } from '../../api/pagination.ts';
import type { Page } from '../../db/page.ts';
import { answer, type DialectAnswer } from '../dialect.ts';

/** `{"success": true, "data": …}`; the page names no other status of a success than 200. */
export function answerData(data: unknown, status = 200): DialectAnswer {
  return answer(status, { success: true, data });
}

/** A page of a list, with `meta.pagination`. */
export function answerPage<T extends { id: string }>(
  list: string,
  page: Page<T>,
  view: (item: T) => object,
): DialectAnswer {
  const { data, pagination } = toListBody(list, page, view);
  return answer(200, { success: true, data, meta: { pagination } });
}
