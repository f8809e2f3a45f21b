import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { statementsSent } from '../../src/db/sql.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { makeAffiliate, makeKey, openApiProgram, type ApiProgram } from './api-program.ts';

/** So many that neither the page of a reader who stands still nor what the network holds for it is the whole. */
const CLICKS = 2_000;
const awkward = ['=HYPERLINK("x")', '-2+3', 'a,"b"\r\nc', 'שלום, ‏עולם', "'@x", ' spaces ', '-7', '＝1'];

let api: ApiProgram;
let pages = 0;
const countPages = (message: unknown) => {
  if ((message as { name: string }).name === 'listClicks') pages += 1;
};

before(async () => {
  api = await openApiProgram();
  const { id } = await makeAffiliate(api.live);
  await runSql(
    api.hub.db,
    `insert into clicks (id, program_id, livemode, affiliate_id, occurred_at, sub1, sub2, sub3, sub4, sub5, utm)
     select 'clk_' || lpad(n::text, 32, '0'), ?, true, ?, now(), (?::text[])[1 + n % ?], repeat('é', 1000), repeat('y', 1000),
       repeat('z', 1000), repeat('w', 1000), '{"utm_source": "a,b"}' from generate_series(1, ?) n`,
    [api.programId, id, awkward, awkward.length, CLICKS],
  );
  statementsSent.subscribe(countPages);
});
after(async () => {
  statementsSent.unsubscribe(countPages);
  await api.stop();
});

const plain = (cell: string) => (/^'+[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/.test(cell) ? cell.slice(1) : cell);
const rowsOf = (text: string): Record<string, string>[] =>
  parse<Record<string, string>>(text, { columns: true, record_delimiter: '\r\n' });

/** The answer's head; its body stands still until it is read. */
async function begin(path: string, key = api.liveKey): Promise<IncomingMessage> {
  const request = get(`${api.hub.url}/api/v1${path}`, { headers: { authorization: `Bearer ${key}` }, agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.on('error', () => undefined);
  return answer;
}

/** Until the hub asks for no further page. */
async function standStill(): Promise<number> {
  let seen = -1;
  await waitUntil('no page is read any more', async () => {
    const before = seen;
    seen = pages;
    await new Promise((resolve) => setTimeout(resolve, 150));
    return before === pages;
  });
  return pages;
}

test('an export is what the list says, cell by cell', async () => {
  const answer = await api.reader.get('/exports/clicks.csv?startDate=2026-01-01');
  assert.equal(answer.headers.get('content-type'), 'text/csv; charset=utf-8');
  assert.match(answer.headers.get('content-disposition') ?? '', /^attachment; filename="clicks-\d{4}-\d\d-\d\d\.csv"$/);
  const rows = rowsOf(answer.text);
  assert.equal(rows.length, CLICKS);
  const { data } = (await api.reader.get('/clicks?limit=100')).body as { data: Record<string, unknown>[] };
  for (const [index, click] of data.entries()) {
    const cells = Object.entries(rows[index] ?? {}).map(([name, cell]) => [name, plain(cell)]);
    const said = Object.entries(click).map(([name, value]) => {
      const isText = typeof value === 'string' || value === null;
      return [name, isText ? (value ?? '') : JSON.stringify(value)];
    });
    assert.deepEqual(Object.fromEntries(cells), Object.fromEntries(said));
  }
  assert.equal(new Set(rows.map(({ id }) => id)).size, CLICKS);
  // What a spreadsheet would reckon with begins with an apostrophe; a number does not.
  const texts = new Set(rows.map(({ sub1 }) => sub1));
  for (const text of [`'=HYPERLINK("x")`, `'-2+3`, `''@x`, '-7', `'＝1`]) assert.ok(texts.has(text), text);
});

test('filters are those of the list, and fields within fields are columns', async () => {
  await api.live.post('/affiliates', {
    displayName: '@cmd',
    email: 'x@example.com',
    commissionOverride: { rateBps: 1 },
  });
  const affiliates = rowsOf((await api.live.get('/exports/affiliates.csv?email=x@example.com&bom=true')).text.slice(1));
  assert.deepEqual(
    affiliates.map(({ displayName, commissionOverride, couponCodes }) => [
      displayName,
      commissionOverride,
      couponCodes,
    ]),
    [["'@cmd", '{"rateBps":1}', '[]']],
  );
  const header = (await api.live.get('/exports/conversions.csv')).text;
  assert.match(header, /^id,kind,status,.*,commission\.id,commission\.amountMinor,.*\r\n$/);
  const unknown = await api.live.get('/exports/conversions.csv?limit=5');
  assert.deepEqual(unknown.body.error.details, { limit: 'is not a known field' });
  assert.equal((await api.live.get('/exports/clicks.csv?affiliateId=nobody')).body?.error?.code ?? 'none', 'none');
  const strangers = await api.stranger.get('/exports/clicks.csv');
  assert.equal(rowsOf(strangers.text).length, 0);
  for (const path of ['payouts', 'balances', 'commissions', 'inbox-events', 'clicks']) {
    const answer = await api.test.get(`/exports/${path}.csv`);
    assert.deepEqual([answer.status, answer.text.split('\r\n').length], [200, 2], path);
    assert.match(answer.headers.get('content-disposition') ?? '', /-test-/);
  }
  const head = await fetch(`${api.hub.url}/api/v1/exports/clicks.csv`, {
    method: 'HEAD',
    headers: { authorization: `Bearer ${api.liveKey}` },
  });
  assert.equal(head.status, 200);
});

test('a slow reader is waited for, in bounded memory and with nothing open; who goes away ends it', async () => {
  pages = 0;
  const slow = await begin('/exports/clicks.csv');
  const read = await standStill();
  assert.ok(read >= 2 && read < 10, `${read} pages for a reader that takes nothing`);
  const open = await runSql<{ state: string }>(
    api.hub.db,
    `select state from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
  );
  assert.equal(open.length, 0);
  slow.resume();
  await once(slow, 'end');
  assert.ok(slow.complete);
  assert.ok(pages >= 11, `${pages} pages`);
  pages = 0;
  const gone = await begin('/exports/clicks.csv');
  const before = await standStill();
  gone.destroy();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(pages, before);
});

test('a key has four at once, and whoever went away makes room', async () => {
  const key = await makeKey(api.admin, api.programId, 'live', 'read');
  const four = await Promise.all([1, 2, 3, 4].map(() => begin('/exports/clicks.csv', key)));
  const fifth = await begin('/exports/clicks.csv', key);
  assert.deepEqual([fifth.statusCode, fifth.headers['retry-after']], [429, '5']);
  for (const each of four) each.destroy();
  await waitUntil('there is room again', async () => {
    const next = await begin('/exports/clicks.csv', key);
    next.destroy();
    return next.statusCode === 200;
  });
});

test('what fails in the middle cuts the answer off; what fails before it begins is an error like any other', async () => {
  const answer = await begin('/exports/clicks.csv');
  await standStill();
  await runSql(api.hub.db, 'alter table clicks rename to gone');
  try {
    answer.resume();
    await new Promise((resolve) => answer.on('close', resolve));
    assert.equal(answer.complete, false);
    const broken = await api.live.get('/exports/clicks.csv');
    assert.deepEqual([broken.status, broken.body.error.code], [500, 'INTERNAL_ERROR']);
    assert.equal(broken.headers.get('content-disposition'), null);
  } finally {
    await runSql(api.hub.db, 'alter table gone rename to clicks');
  }
});
