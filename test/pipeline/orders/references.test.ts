import assert from 'node:assert/strict';
import { inTransaction, type Trx } from '../../../src/db/db.ts';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { newId } from '../../../src/domain/ids.ts';
import { runSql } from '../../support/sql.ts';
import { lockOrders } from '../../../src/pipeline/orders/lock-orders.ts';
import {
  lockOwners,
  orderReferences,
  type LockedOwners,
  type ReferenceGroup,
} from '../../../src/pipeline/orders/references.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';

let t: TestDatabase;
before(async () => {
  t = await openTestDatabase();
});
after(() => t.close());

const lock = (trx: Trx, ids: string[]): Promise<LockedOwners> => lockOrders(trx, ids, []);
const scope = { programId: 'prg_references', livemode: true };

function groupsOf(name: string, count: number): ReferenceGroup<null>[] {
  return Array.from({ length: count }, (_, n) => ({ scope, refs: [`order:${name}-${n}`], members: [null] }));
}

// Few are stored by an upsert, many by a look-up and COPY.
for (const count of [10, 200]) {
  test(`${count} references that two workers store at once have one owner each`, async () => {
    const name = `race-${count}`;
    const stored = Promise.withResolvers<Map<string, string>>();
    const first = inTransaction(t.db, async (trx) => {
      const { groups } = await lockOwners(trx, orderReferences, groupsOf(name, count), [], () => newId('cnv'), lock);
      stored.resolve(new Map(groups.map(({ refs, ownerId }) => [refs.join(' '), ownerId])));
      await wait(200); // The second looks, finds nothing, and waits for this commit.
    });
    const owners = await stored.promise;
    // Some of its own come with them, before and after those of the first.
    const mixed = [...groupsOf(`a-${name}`, count), ...groupsOf(name, count).reverse(), ...groupsOf(`z-${name}`, 1)];
    const second = await inTransaction(t.db, (trx) =>
      lockOwners(trx, orderReferences, mixed, [], () => newId('cnv'), lock),
    );
    await first;
    const known = new Set(owners.values());
    assert.equal(second.groups.filter(({ ownerId }) => !known.has(ownerId)).length, count + 1);
    for (const { refs, ownerId } of second.groups) {
      if (known.has(ownerId)) assert.equal(ownerId, owners.get(refs.join(' ')));
    }
    const [counted] = await runSql<{ refs: number; owners: number }>(
      t.db,
      `select count(*)::int as refs, count(distinct order_id)::int as owners from order_refs where ref like ?`,
      [`order:%${name}-%`],
    );
    assert.deepEqual(counted, { refs: 2 * count + 1, owners: 2 * count + 1 });
  });
}
