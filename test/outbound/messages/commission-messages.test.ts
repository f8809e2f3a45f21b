import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runSql } from '../../support/sql.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { commissionView, conversionView, type ViewedOrder } from '../../../src/ledger/conversion-view.ts';
import { bringOut } from '../../../src/outbound/messages/commission-messages.ts';
import { findMessage, listMessages } from '../../../src/outbound/messages/message-rows.ts';
import { renderBody, type MessageDraft } from '../../../src/outbound/messages/write-messages.ts';
import { createEndpoint, createProgram, readDeliveries, writeDrafts } from '../fixtures.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database.close());

const order: ViewedOrder = {
  id: 'cnv_1',
  livemode: true,
  kind: 'sale',
  status: 'pending',
  reason: null,
  netMinor: 4_990n,
  grossMinor: 4_990n,
  refundedMinor: 0n,
  currency: 'USD',
  affiliateId: 'aff_1',
  offerId: 'off_1',
  customerId: null,
  clickId: null,
  orderId: 'A "1" \\ 🚀',
  goal: 'purchase',
  commissionMinor: 749n,
  commissionCurrency: 'USD',
  occurredAt: '2026-11-01T10:00:00.120Z',
  review: null,
  paidAt: null,
  createdAt: '2026-11-01T10:00:00.120Z',
};

const now = new Date('2026-11-30T09:08:07.060Z');

/** What a new conversion that earns is told by. */
function told(programId: string, changes: Partial<ViewedOrder> = {}): MessageDraft[] {
  const viewed = { ...order, ...changes };
  const type = viewed.kind === 'lead' ? 'lead.created' : 'conversion.created';
  const { livemode } = viewed;
  return [
    { programId, livemode, type, data: conversionView(viewed) },
    { programId, livemode, type: 'commission.created', data: commissionView(viewed) },
  ];
}

const idsOf = (items: readonly { id: string }[]): string[] => items.map(({ id }) => id);

async function countRows(programId: string): Promise<number> {
  const [row] = await runSql<{ count: number }>(
    database.db,
    'select count(*)::int as count from messages where program_id = ?',
    [programId],
  );
  return row?.count ?? 0;
}

async function readBodies(programId: string): Promise<{ id: string; type: string; body: string }[]> {
  return runSql(database.db, 'select id, type, body from every_message where program_id = ? order by id', [programId]);
}

describe('a commission that nobody listens to', () => {
  const odd: Record<string, Partial<ViewedOrder>> = {
    'as it mostly is': {},
    'of a lead': { kind: 'lead', netMinor: 0n, grossMinor: 0n, currency: null },
    'in review': { review: { reasons: ['refund_rate'], grounds: ['x'], since: '2026-11-01T10:00:00.120Z' } },
    'paid at once, with a reason': { status: 'paid', paidAt: '2026-11-02T00:00:00.000Z', reason: 'cap "reached"' },
    'of a test': { livemode: false },
    'with what PostgreSQL has no text for': { orderId: 'half \ud800 a pair', goal: 'a\u0001b' },
  };
  for (const [name, changes] of Object.entries(odd)) {
    test(`is one row with its conversion, and tells the very same bytes: ${name}`, async () => {
      const programId = await createProgram(database.db);
      const drafts = told(programId, changes);
      await writeDrafts(database.db, drafts, now);
      assert.equal(await countRows(programId), 1);
      const bodies = await readBodies(programId);
      assert.deepEqual(
        bodies.map(({ body }) => body),
        drafts.map((draft, index) => renderBody(bodies[index]?.id ?? '', draft, now)),
      );
    });
  }

  test('is listed, paged through and found like every message', async () => {
    const { db } = database;
    const programId = await createProgram(db);
    await writeDrafts(db, [
      ...told(programId),
      ...told(programId, { id: 'cnv_2' }),
      ...told(programId, { id: 'cnv_3' }),
    ]);
    const all = (await readBodies(programId)).reverse();
    assert.equal(all.length, 6);
    const seen: string[] = [];
    for (let beforeId: string | null = null, more = true; more;) {
      const page = await listMessages(db, programId, true, {}, { limit: 1, beforeId });
      seen.push(...idsOf(page.items));
      beforeId = page.items.at(-1)?.id ?? null;
      more = page.hasMore;
    }
    assert.deepEqual(seen, idsOf(all));
    const byType = (types: string[]) => listMessages(db, programId, true, { types }, { limit: 10 });
    const commissions = all.filter(({ type }) => type === 'commission.created');
    assert.deepEqual(idsOf((await byType(['commission.created'])).items), idsOf(commissions));
    assert.deepEqual((await byType(['commission.updated'])).items, []);
    const delivered = await listMessages(db, programId, true, { status: 'succeeded' }, { limit: 10 });
    assert.deepEqual(delivered.items, []);
    for (const { id, body } of all) {
      assert.deepEqual(await findMessage(db, programId, true, id), { ...JSON.parse(body), deliveries: [] });
      assert.equal(await findMessage(db, programId, false, id), null);
      assert.equal(await findMessage(db, 'prg_other', true, id), null);
    }
  });

  test('gets a row of its own before it is sent, once, and is told the same', async () => {
    const { db } = database;
    const programId = await createProgram(db);
    await writeDrafts(db, told(programId), now);
    const before = await readBodies(programId);
    const ids = idsOf(before);
    await bringOut(db, 'prg_other', ids);
    assert.equal(await countRows(programId), 1);
    await Promise.all([bringOut(db, programId, ids), bringOut(db, programId, ids)]);
    assert.equal(await countRows(programId), 2);
    assert.deepEqual(await readBodies(programId), before);
    const { items } = await listMessages(db, programId, true, {}, { limit: 10 });
    assert.deepEqual(idsOf(items), ids.toReversed());
  });
});

describe('a commission that an endpoint wants', () => {
  test('has a row of its own, as the delivery of it asks for', async () => {
    const programId = await createProgram(database.db);
    await createEndpoint(database.db, programId, 'https://example.com', { eventTypes: ['commission.created'] });
    await writeDrafts(database.db, told(programId));
    assert.equal(await countRows(programId), 2);
    const [, commission] = await readBodies(programId);
    const own = (await readDeliveries(database.db)).filter(({ messageId }) => messageId === commission?.id);
    assert.equal(own.length, 1);
  });

  test('is its own message where it is another conversion’s, or of another program or mode', async () => {
    const [one, other] = [await createProgram(database.db), await createProgram(database.db)];
    const [conversion] = told(one);
    const strangers = [told(one, { id: 'cnv_2' })[1], told(other)[1], told(one, { livemode: false })[1]];
    for (const stranger of strangers) {
      await writeDrafts(
        database.db,
        [conversion, stranger].filter((draft) => draft !== undefined),
      );
    }
    assert.equal((await countRows(one)) + (await countRows(other)), 6);
  });
});
