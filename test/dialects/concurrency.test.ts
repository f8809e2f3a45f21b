import assert from 'node:assert/strict';
import { inTransaction } from '../../src/db/db.ts';
import { after, before, it } from 'node:test';
import { createTestSession } from '../../src/program/test-sessions.ts';
import { openConformanceProgram, send, type ConformanceProgram } from './conformance.ts';

let program: ConformanceProgram;
const together = Array.from({ length: 12 }, (_, n) => n);

before(async () => {
  program = await openConformanceProgram();
  // Batches settle in the order in which they were received once the worker has its connections. While it makes the
  // first ones a later batch may come first: the message that was received first wins all the same, and its caller is told so.
  const body = { affiliateId: program.affiliateId, offerId: program.offerId, amount: 1 };
  await Promise.all(
    together.map((n) => {
      const report = { path: '/conversions', body: { ...body, externalId: `before-${n}` } };
      return send(program, '/attro/api/v1', report);
    }),
  );
});
after(() => program.hub.stop());

it('of many reports of one externalId at once Attro records one and answers 409 to the others', async () => {
  const answers = await Promise.all(
    together.map((n) =>
      send(program, '/attro/api/v1', {
        path: '/conversions',
        body: { affiliateId: program.affiliateId, offerId: program.offerId, externalId: 'at-once-1', amount: 10 + n },
      }),
    ),
  );
  const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
  assert.deepEqual(statuses, [201, ...together.slice(1).map(() => 409)]);
  assert.equal(await countOrders('at-once-1'), 1);
});

it('of many reports of one transaction ID at once AffSpace tracks one and acknowledges the others', async () => {
  const session = await inTransaction(program.hub.db, (trx) =>
    createTestSession(
      trx,
      program.programId,
      { offerId: program.offerId, affiliateId: program.affiliateId },
      new Date(),
    ),
  );
  const answers = await Promise.all(
    together.map((n) =>
      send(program, '/affspace', {
        path: '/api/v1/conversions',
        body: { click_id: session.clickId, txid: 'at-once-2', amount: `${10 + n}.00` },
      }),
    ),
  );
  const told = answers.map(({ json }) => json as { tracked?: boolean; reason?: string; data?: { tracked: boolean } });
  assert.equal(told.filter(({ data }) => data?.tracked === true).length, 1);
  assert.equal(told.filter(({ reason }) => reason === 'duplicate_txid').length, together.length - 1);
  assert.equal(await countOrders('at-once-2'), 1);
});

it('without an order id each report is a conversion of its own', async () => {
  const body = { affiliate_id: program.affiliateId, amount_cents: 500 };
  const answers = await Promise.all(
    together.map(() => send(program, '/affilut/api/v1', { path: '/conversions', body })),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    together.map(() => 201),
  );
});

async function countOrders(orderId: string): Promise<number> {
  const [row] = await program.hub.db('orders').where({ order_id: orderId }).count('* as count');
  return Number(row?.count);
}
