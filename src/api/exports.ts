import { z } from 'zod';
import { AppError } from '../domain/errors.ts';
import { csvRow, type CsvValue } from '../domain/csv-text.ts';
import { affiliateRoutes } from './affiliates.ts';
import { balanceRoutes } from './balances.ts';
import { clickRoutes } from './clicks.ts';
import { commissionRoutes } from './commissions.ts';
import { conversionRoutes } from './conversions.ts';
import { inboxEventRoutes } from './inbox-events.ts';
import { payoutRoutes } from './payouts.ts';
import { defineRoute, StreamedReply, type ApiDeps, type ApiRequest, type Route } from './route.ts';

/** The lists that can be had as a file, by path. Filters, order, columns and who sees what are those of the list. */
const exported: Readonly<Record<string, readonly Route[]>> = {
  '/conversions': conversionRoutes,
  '/commissions': commissionRoutes,
  '/payouts': payoutRoutes,
  '/balances': balanceRoutes,
  '/affiliates': affiliateRoutes,
  '/clicks': clickRoutes,
  '/inbox-events': inboxEventRoutes,
};

/** Rows are read by pages of the list: the first is small, so that something comes at once, the others so that they die young. */
const FIRST_ROWS = 100;
const ROWS_A_PAGE = 200;

/** Each keeps a page in memory and a query of the database busy. */
const MAX_EXPORTS_OF_A_KEY = 4;

export const exportRoutes: Route[] = Object.entries(exported).map(([path, routes]) => {
  const list = routes.find((route) => route.method === 'get' && route.path === path);
  if (!list) throw new Error(`there is no list at ${path}`);
  return exportOf(list);
});

function exportOf(list: Route): Route {
  const name = list.path.slice(1);
  const columns = columnsOf(itemOf(list));
  const { limit: _limit, cursor: _cursor, ...filters } = list.query?.shape ?? {};
  return defineRoute({
    method: 'get',
    path: `/exports${list.path}.csv` as '/exports/list.csv',
    access: 'read',
    tag: 'Exports',
    summary: `All that GET ${list.path} lists, as a CSV file`,
    description:
      'The filters, the order and the fields of the list, in one answer of any length: UTF-8, RFC 4180, a header row. ' +
      'Fields within fields are columns such as `commission.amountMinor`; lists and free-form objects are JSON; null is ' +
      'an empty cell. A text that a spreadsheet would take for a formula has an apostrophe before it. The rows are read ' +
      'page by page: what is added meanwhile is left out, what changes meanwhile is there once, as it was or as it is. ' +
      'Where the connection ends before the answer does, the file is not whole: ask again.',
    query: z.strictObject({
      ...filters,
      bom: z
        .enum(['true', 'false'])
        .optional()
        .meta({ description: 'true: with a byte order mark, by which Excel knows UTF-8. Default false' }),
    }),
    status: 200,
    answer: z.string().meta({
      description: 'Rows end with CRLF',
      example: csvRow(columns.map((column) => column.join('.'))),
    }),
    answerType: 'text/csv; charset=utf-8',
    handle: async (deps, request) => {
      const day = deps.clock.now().toISOString().slice(0, 10);
      const filename = `${name}-${request.livemode ? '' : 'test-'}${day}.csv`;
      return new StreamedReply(filename, writeCsv(deps, list, columns, request));
    },
  });
}

type ListRequest = Omit<ApiRequest<Record<string, unknown>, unknown, unknown>, 'params'>;
type Row = Readonly<Record<string, unknown>>;

async function* writeCsv(
  deps: ApiDeps,
  list: Route,
  columns: readonly string[][],
  request: ListRequest,
): AsyncGenerator<string> {
  const { bom, ...filters } = request.query;
  const release = takeTurn(request.principal.keyId);
  try {
    let header = (bom === 'true' ? '\uFEFF' : '') + csvRow(columns.map((column) => column.join('.')));
    for await (const rows of readPages(deps, list, { ...request, query: filters })) {
      const lines = rows.map((row) => csvRow(columns.map((column) => valueAt(row, column))));
      yield header + lines.join('');
      header = '';
    }
  } finally {
    release();
  }
}

/** A statement a page, from where the last one ended: between two of them nothing is held open. */
async function* readPages(deps: ApiDeps, list: Route, request: ListRequest): AsyncGenerator<Row[]> {
  let query: Record<string, unknown> = { ...request.query, limit: FIRST_ROWS };
  for (;;) {
    const read = (db: ApiDeps['db']) => list.handle({ ...deps, db }, { ...request, query, params: {} });
    const page = list.mayBeBehind?.(query) ? await deps.replica.read(read) : await read(deps.db);
    const { data, pagination } = page as { data: Row[]; pagination: { nextCursor: string | null } };
    yield data;
    if (pagination.nextCursor === null) return;
    query = { ...request.query, limit: ROWS_A_PAGE, cursor: pagination.nextCursor };
  }
}

const running = new Map<string, number>();

/** Throws RATE_LIMITED where so many of the key are running in this process. */
function takeTurn(keyId: string): () => void {
  const before = running.get(keyId) ?? 0;
  if (before >= MAX_EXPORTS_OF_A_KEY) {
    const message = `${MAX_EXPORTS_OF_A_KEY} exports of this key are running: wait until one of them has ended`;
    throw new AppError('RATE_LIMITED', message, { retryAfterS: 5 });
  }
  running.set(keyId, before + 1);
  return () => {
    const left = (running.get(keyId) ?? 1) - 1;
    if (left === 0) running.delete(keyId);
    else running.set(keyId, left);
  };
}

/** The schema of a list's items. */
function itemOf({ answer, path }: Route): z.ZodObject {
  const data = answer instanceof z.ZodObject ? (answer.shape as Record<string, unknown>)['data'] : null;
  const item = data instanceof z.ZodArray ? (data.element as unknown) : null;
  if (item instanceof z.ZodObject) return item;
  throw new Error(`${path} is no list of objects`);
}

/** A column for each field, as the path to it; those of an object within are columns of their own. */
function columnsOf(schema: z.ZodObject, under: readonly string[] = []): string[][] {
  return Object.entries(schema.shape as Record<string, unknown>).flatMap(([name, field]) => {
    const inner = unwrap(field);
    const isFixed = inner instanceof z.ZodObject && Object.keys(inner.shape).length > 0;
    return isFixed ? columnsOf(inner, [...under, name]) : [[...under, name]];
  });
}

function unwrap(field: unknown): unknown {
  return field instanceof z.ZodNullable || field instanceof z.ZodOptional ? unwrap(field.unwrap()) : field;
}

function valueAt(row: Row, path: readonly string[]): CsvValue {
  let value: unknown = row;
  for (const name of path) value = (value as Row | null | undefined)?.[name];
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return value as CsvValue;
}
