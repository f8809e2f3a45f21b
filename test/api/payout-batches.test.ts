import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { runSql } from '../support/sql.ts';
import { statementsOf } from '../support/statements.ts';
import { makeAffiliate, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let orders = 0;

before(async () => {
  api = await openApiProgram({ worker: true });
  await makeOffer(api.live);
});
after(() => api.stop());

/** An affiliate with a pending commission of a tenth of that. */
async function earner(
  amount: number,
  more: object = {},
  currency = 'USD',
): Promise<{ id: string; commissionId: string }> {
  const { id } = await makeAffiliate(api.live, more);
  orders += 1;
  const sale = { affiliate_id: id, amount, currency, txid: `batch-${orders}` };
  const { conversionId } = (await api.live.post('/conversions', sale)).body.data;
  return { id, commissionId: conversionId.replace('cnv_', 'com_') };
}

const decide = (body: object) => api.live.post('/commissions/decisions', body);
const payBatch = (body: object) => api.live.post('/payouts/batches', body);
const csv = async (path: string): Promise<string[][]> => {
  const answer = await api.live.get(path);
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/csv/);
  assert.match(answer.headers.get('content-disposition') ?? '', /^attachment; filename=/);
  return parse(answer.text, { relaxColumnCount: true });
};

test('twenty affiliates are approved and paid in three calls', async () => {
  const affiliates = [];
  for (let n = 0; n < 20; n += 1) affiliates.push(await earner(100 + n));
  const small = await earner(10);

  const decisions = await decide({ filter: { currency: 'USD' }, status: 'approved', reason: 'November' });
  const batch = await payBatch({ currency: 'USD', minimumMinor: 1_000, reference: 'B-1' });
  const paid = await api.live.patch(`/payouts/batches/${batch.body.data.id}`, { status: 'paid', note: 'Thank you' });

  const { status, total, done, succeeded } = decisions.body.data;
  assert.deepEqual([decisions.status, status, total, done, succeeded], [200, 'completed', 21, 21, 21]);
  assert.equal(batch.status, 201, batch.text);
  const { count, totalMinor, payouts } = batch.body.data;
  assert.deepEqual([count, totalMinor], [20, affiliates.reduce((sum, _, n) => sum + 1_000 + n * 10, 0)]);
  assert.deepEqual(
    payouts.map((payout: { affiliateId: string }) => payout.affiliateId),
    affiliates.map(({ id }) => id).toSorted(),
  );
  assert.deepEqual([paid.status, paid.body.data.counts], [200, { pending: 0, paid: 20, failed: 0 }], paid.text);
  for (const payout of paid.body.data.payouts) {
    assert.deepEqual([payout.status, payout.reference, payout.note], ['paid', 'B-1', 'Thank you']);
    assert.equal(payout.batchId, batch.body.data.id);
  }
  const commissions = (await api.live.get('/commissions?limit=100&status=paid')).body.data as { id: string }[];
  assert.deepEqual(
    commissions.map(({ id }) => id).toSorted(),
    affiliates.map(({ commissionId }) => commissionId).toSorted(),
  );
  const told = await runSql<{ type: string; count: number }>(
    api.hub.db,
    `select type, count(*)::int as count from every_message where type like 'payout.%' group by type order by type`,
  );
  assert.deepEqual(told, [
    { type: 'payout.created', count: 20 },
    { type: 'payout.paid', count: 20 },
  ]);
  const decided = await runSql<{ action: string; count: number }>(
    api.hub.db,
    `select action, count(*)::int as count from audit_events where action ~ '^(payout|commission|job)' group by action order by action`,
  );
  assert.deepEqual(Object.fromEntries(decided.map((row) => [row.action, row.count])), {
    'commission.approved': 21,
    'job.created': 1,
    'payout.created': 20,
    'payout.paid': 20,
    'payout_batch.created': 1,
  });
  const [left] = (await api.live.get(`/balances?affiliateId=${small.id}`)).body.data;
  assert.equal(left.payableMinor, 100);
});

test('a dry run answers what the batch then answers, and writes nothing', async () => {
  const [one, two, poor] = [await earner(50), await earner(60), await earner(1)];
  await decide({ ids: [one, two, poor].map(({ commissionId }) => commissionId), status: 'approved' });
  const body = { currency: 'USD', minimumMinor: 200, affiliateIds: [one.id, two.id, poor.id], reference: 'B-2' };
  const rows = () => runSql(api.hub.db, 'select (select count(*) from payouts), (select count(*) from payout_batches)');
  const before = await rows();
  const dry = await payBatch({ ...body, dryRun: true });
  assert.deepEqual(await rows(), before);
  assert.equal(dry.status, 200);
  assert.deepEqual([dry.body.data.id, dry.body.data.skippedAffiliateIds], [null, [poor.id]]);
  const real = (await payBatch(body)).body.data;
  const withoutIds = {
    ...real,
    id: null,
    createdAt: null,
    payouts: real.payouts.map((payout: object) => ({ ...payout, id: null, batchId: null, createdAt: null })),
  };
  assert.deepEqual(dry.body.data, withoutIds);
  assert.equal((await payBatch(body)).status, 409);
  assert.equal((await payBatch({ ...body, dryRun: true })).body.data.count, 0);
  const shown = (await api.live.get(`/payouts/batches/${real.id}`)).body.data;
  assert.deepEqual({ ...shown, skippedAffiliateIds: [poor.id] }, real);
  const [listed] = (await api.live.get('/payouts/batches?limit=1')).body.data;
  assert.deepEqual([listed.id, listed.count, listed.totalMinor], [real.id, 2, 1_100]);
  assert.equal((await api.live.get(`/payouts?batchId=${real.id}`)).body.data.length, 2);
  // What fails is payable again, and one that was marked alone stays as it is.
  await api.live.patch(`/payouts/${real.payouts[0].id}`, { status: 'paid' });
  const failed = await api.live.patch(`/payouts/batches/${real.id}`, { status: 'failed' });
  assert.deepEqual(failed.body.data.counts, { pending: 0, paid: 1, failed: 1 });
  assert.equal((await api.live.patch(`/payouts/batches/${real.id}`, { status: 'paid' })).status, 409);
  assert.equal((await payBatch({ ...body, dryRun: true })).body.data.count, 1);
});

test('who is banned, what is in review and other currencies are left out; the entries add up', async () => {
  const [good, banned, foreign] = [await earner(30), await earner(40), await earner(50, {}, 'EUR')];
  await decide({ ids: [good, banned, foreign].map(({ commissionId }) => commissionId), status: 'approved' });
  await api.live.patch(`/affiliates/${banned.id}`, { status: 'banned' });
  const named = [good.id, banned.id, foreign.id];
  const { data } = (await payBatch({ currency: 'USD', affiliateIds: named })).body;
  assert.deepEqual(
    data.payouts.map((payout: { affiliateId: string }) => payout.affiliateId),
    [good.id],
  );
  assert.deepEqual(data.skippedAffiliateIds, [banned.id, foreign.id]);
  const entries = (await api.live.get(`/payouts/${data.payouts[0].id}/entries`)).body.data;
  assert.deepEqual(
    entries.map((entry: { commissionId: string; amountMinor: number }) => [entry.commissionId, entry.amountMinor]),
    [[good.commissionId, 300]],
  );
  const pages = (await api.live.get(`/payouts/${data.payouts[0].id}/entries?limit=1`)).body.pagination;
  assert.deepEqual(pages, { hasMore: false, nextCursor: null });
});

test('a batch takes as many statements for many as for two', async () => {
  const many = [];
  for (let n = 0; n < 12; n += 1) many.push(await earner(20));
  await decide({ ids: many.map(({ commissionId }) => commissionId), status: 'approved' });
  const ids = many.map(({ id }) => id);
  const few = await statementsOf(() => payBatch({ currency: 'USD', affiliateIds: ids.slice(0, 2) }));
  const more = await statementsOf(() => payBatch({ currency: 'USD', affiliateIds: ids.slice(2) }));
  const ours = (names: string[]) => names.filter((name) => /payout|Payout|Paying|Audit/.test(name)).toSorted();
  assert.ok(ours(few).length >= 4, few.join());
  assert.deepEqual(ours(more), ours(few));
});

test('files of payments have the columns that PayPal and Wise expect, and no formulas', async () => {
  const jane = await earner(70, { displayName: '=HYPERLINK("x")', paymentEmail: 'pay@jane.example' });
  const firm = await earner(80, { displayName: 'Firm, Inc', companyName: '+Firm', email: 'firm@example.com' });
  await decide({ ids: [jane, firm].map(({ commissionId }) => commissionId), status: 'approved' });
  const input = { currency: 'USD', affiliateIds: [jane.id, firm.id], note: '@note', reference: 'R-9' };
  const { id, payouts } = (await payBatch(input)).body.data;
  const payoutOf = (affiliateId: string): string =>
    payouts.find((payout: { affiliateId: string }) => payout.affiliateId === affiliateId).id;
  const byAmount = (rows: string[][], at: number) => rows.toSorted((a, b) => Number(a[at]) - Number(b[at]));
  assert.deepEqual(byAmount(await csv(`/payouts/batches/${id}/payments.csv?format=paypal`), 1), [
    ['pay@jane.example', '7.00', 'USD', payoutOf(jane.id).slice(4, 34), "'@note", 'PAYPAL'],
    ['firm@example.com', '8.00', 'USD', payoutOf(firm.id).slice(4, 34), "'@note", 'PAYPAL'],
  ]);
  const [header, ...wise] = await csv(`/payouts/batches/${id}/payments.csv?format=wise`);
  assert.equal(
    header?.join(),
    'name,recipientEmail,paymentReference,receiverType,amountCurrency,amount,sourceCurrency,targetCurrency',
  );
  assert.deepEqual(byAmount(wise, 5), [
    [`'=HYPERLINK("x")`, 'pay@jane.example', 'R-9', 'PERSON', 'target', '7.00', 'USD', 'USD'],
    ["'+Firm", 'firm@example.com', 'R-9', 'INSTITUTION', 'target', '8.00', 'USD', 'USD'],
  ]);
  const plain = await csv('/payouts/payments.csv?currency=USD&status=pending');
  assert.deepEqual(plain[0]?.slice(0, 4), ['payoutId', 'batchId', 'affiliateId', 'name']);
  assert.ok(plain.some((row) => row[0] === payoutOf(firm.id) && row[3] === 'Firm, Inc' && row[8] === '8.00'));
  // Amounts have the decimals of their currency.
  const yen = await earner(5_000, {}, 'JPY');
  await decide({ ids: [yen.commissionId], status: 'approved' });
  await payBatch({ currency: 'JPY' });
  const [line] = await csv('/payouts/payments.csv?format=paypal&currency=JPY');
  assert.deepEqual(line?.slice(1, 3), ['500', 'JPY']);
  const mixed = await api.live.get('/payouts/payments.csv?format=paypal');
  assert.deepEqual([mixed.status, mixed.body.error.code], [409, 'CONFLICT']);
});

test('a payout keeps what is said about it; other programs and test keys see no batch', async () => {
  const { id, commissionId } = await earner(90);
  await decide({ ids: [commissionId], status: 'approved' });
  const single = await api.live.post('/payouts', { affiliateId: id, currency: 'USD', reference: 'first' });
  assert.deepEqual([single.body.data.reference, single.body.data.batchId], ['first', null]);
  const path = `/payouts/${single.body.data.id}`;
  assert.equal((await api.live.patch(path, {})).status, 400);
  const noted = (await api.live.patch(path, { note: 'by bank' })).body.data;
  assert.deepEqual([noted.status, noted.reference, noted.note], ['pending', 'first', 'by bank']);
  const done = (await api.live.patch(path, { status: 'paid', reference: null })).body.data;
  assert.deepEqual([done.status, done.reference, done.note], ['paid', null, 'by bank']);
  assert.equal((await api.live.patch(path, { status: 'failed', note: 'no' })).status, 409);
  assert.equal((await api.live.get(path)).body.data.note, 'by bank');

  const [batch] = (await api.live.get('/payouts/batches?limit=1')).body.data;
  for (const client of [api.stranger, api.test]) {
    assert.equal((await client.get(`/payouts/batches/${batch.id}`)).status, 404);
    assert.equal((await client.patch(`/payouts/batches/${batch.id}`, { status: 'paid' })).status, 404);
    assert.equal((await client.get(`/payouts/batches/${batch.id}/payments.csv`)).status, 404);
    assert.equal((await client.get(`${path}/entries`)).status, 404);
    assert.deepEqual((await client.get('/payouts/batches')).body.data, []);
  }
  assert.equal((await api.test.post('/payouts/batches', { currency: 'USD' })).status, 409);
  const unknown = await payBatch({ currency: 'USD', affiliateIds: ['nobody'] });
  assert.deepEqual([unknown.status, Object.keys(unknown.body.error.details)], [400, ['affiliateIds']]);
});

test('the schema itself refuses payouts of a batch of another currency or program, and batches that change', async () => {
  const { db } = api.hub;
  const [payout] = await runSql<{ id: string; batchId: string }>(
    db,
    `select id, batch_id as "batchId" from payouts where batch_id is not null and currency = 'USD' limit 1`,
  );
  const [yen] = await runSql<{ id: string }>(db, `select id from payout_batches where currency = 'JPY'`);
  const insert = (batchId: string, programId: string) =>
    db.raw(
      `insert into payouts (id, program_id, affiliate_id, currency, amount_minor, batch_id, created_by, created_at, updated_at)
       select 'pay_x', ?, affiliate_id, currency, 5, ?, 'x', now(), now() from payouts where id = ?`,
      [programId, batchId, payout?.id ?? ''],
    );
  await assert.rejects(insert(yen?.id ?? '', api.programId), /payouts_program_id_batch_id_currency_fkey/);
  await assert.rejects(insert(payout?.batchId ?? '', 'prg_other'), /violates foreign key/);
  await assert.rejects(
    db.raw(`update payouts set batch_id = null where id = ?`, [payout?.id ?? '']),
    /a payout does not change/,
  );
  await assert.rejects(
    db.raw(`update payout_batches set currency = 'EUR' where id = ?`, [yen?.id ?? '']),
    /does not change/,
  );
});
