import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { ApiClient } from '../api/api-client.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { openHttpProgram, type HttpProgram } from './http-program.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

const EMAIL = 'ada@shop.example';

/** A sale of 100.00 on a day of September. */
function sale(program: HttpProgram, order: string, day: number, said: object): Promise<unknown> {
  return program.api.post('/conversions', {
    order_id: order,
    amount: '100.00',
    currency: 'USD',
    occurredAt: `2026-09-${String(day).padStart(2, '0')}T12:00:00.000Z`,
    ...said,
  });
}

interface Order {
  orderId: string;
  customerId: string | null;
  affiliateId: string | null;
  commissionMinor: number;
}

async function ordersOf(program: HttpProgram): Promise<Map<string, Order>> {
  await program.settled();
  const { differences } = await verifyLedger(hub.db, { programId: program.id });
  assert.deepEqual(differences, []);
  const rows = await runSql<Order>(
    hub.db,
    `select order_id as "orderId", customer_id as "customerId", affiliate_id as "affiliateId",
       commission_minor::int as "commissionMinor"
     from orders where program_id = ? and merged_into is null`,
    [program.id],
  );
  return new Map(rows.map((row) => [row.orderId, row]));
}

/** Sends calls in each of some orders, each to a program of its own, and gives what came of them. */
async function inEachOrder(
  calls: ((program: HttpProgram) => Promise<unknown>)[],
  check: (orders: Map<string, Order>, program: HttpProgram, name: string) => void | Promise<void>,
  options: Parameters<typeof openHttpProgram>[1] = {},
): Promise<void> {
  for (const indexes of permutations(calls.map((_, index) => index))) {
    const program = await openHttpProgram(hub, options);
    for (const index of indexes) {
      await calls[index]?.(program);
      await program.settled();
    }
    await check(await ordersOf(program), program, indexes.join(' '));
  }
}

function permutations(items: number[]): number[][] {
  if (items.length <= 1) return [items];
  return items.flatMap((first, index) =>
    permutations(items.filter((_, other) => other !== index)).map((rest) => [first, ...rest]),
  );
}

const brought = { referralCode: 'partner-one' };

describe('an e-mail that came without an id', () => {
  test('is a customer by itself, whose later orders go to whoever brought them', async () => {
    await inEachOrder(
      [
        (program) => sale(program, 'A', 1, { customerEmail: EMAIL, ...brought }),
        (program) => sale(program, 'B', 2, { customerEmail: 'ADA@shop.example' }),
      ],
      (orders, program, name) => {
        assert.equal(orders.get('B')?.affiliateId, program.affiliateId, name);
        assert.equal(orders.get('A')?.customerId, orders.get('B')?.customerId, name);
      },
    );
  });

  test('is whoever is told of with it and an id, and what was known of the guest holds for them', async () => {
    await inEachOrder(
      [
        (program) => sale(program, 'without', 1, { customerEmail: EMAIL, ...brought }),
        (program) => sale(program, 'with', 2, { customerId: 'u1', customerEmail: EMAIL }),
        (program) => sale(program, 'later', 3, { customerId: 'u1' }),
      ],
      async (orders, program, name) => {
        const ids = new Set([...orders.values()].map(({ customerId }) => customerId));
        assert.equal(ids.size, 1, name);
        assert.equal(orders.get('with')?.affiliateId, program.affiliateId, name);
        assert.equal(orders.get('later')?.affiliateId, program.affiliateId, name);
        for (const reference of ['u1', `email:${EMAIL}`]) {
          const { data } = (await program.api.get(`/customers/${reference}`)).body;
          assert.equal(data.id, orders.get('without')?.customerId, `${name}, ${reference}`);
          assert.equal(data.conversions.length, 3);
        }
      },
    );
  });

  test('goes over to another customer when an earlier message tells of it with their id', async () => {
    await inEachOrder(
      [
        (program) => sale(program, 'first', 1, { customerId: 'u1', customerEmail: EMAIL, ...brought }),
        (program) => sale(program, 'second', 2, { customerId: 'u2', customerEmail: EMAIL }),
        (program) => sale(program, 'without', 3, { customerEmail: EMAIL }),
      ],
      (orders, program, name) => {
        assert.equal(orders.get('without')?.customerId, orders.get('first')?.customerId, name);
        assert.equal(orders.get('without')?.affiliateId, program.affiliateId, name);
        assert.notEqual(orders.get('second')?.customerId, orders.get('first')?.customerId, name);
        assert.equal(orders.get('second')?.affiliateId, null, name);
      },
    );
  });
});

test('an address of a customer that shows later to be the affiliate\u2019s own holds for what they bought before', async () => {
  await inEachOrder(
    [
      (program) => sale(program, 'A', 1, { customerId: 'u1', customerEmail: EMAIL, ...brought }),
      (program) => sale(program, 'B', 2, { customerId: 'u1', customerEmail: 'partner@example.com', ...brought }),
    ],
    (orders, _, name) => {
      assert.deepEqual([orders.get('A')?.commissionMinor, orders.get('B')?.commissionMinor], [0, 0], name);
    },
  );
});

describe('two ids with one e-mail', () => {
  const cpa = { commission: { type: 'cpa' as const, amountMinor: 3_000 } };
  const calls = [
    (program: HttpProgram) => sale(program, 'A', 1, { customerId: 'u1', customerEmail: EMAIL, ...brought }),
    (program: HttpProgram) => sale(program, 'B', 2, { customerId: 'u2', customerEmail: EMAIL, ...brought }),
  ];
  const paid = (orders: Map<string, Order>): number[] =>
    ['A', 'B'].map((id) => orders.get(id)?.commissionMinor ?? Number.NaN);

  test('stay two, and a CPA offer pays for both', async () => {
    await inEachOrder(
      calls,
      (orders, _, name) => {
        assert.deepEqual(paid(orders), [3_000, 3_000], name);
      },
      cpa,
    );
  });

  test('are one where the program identifies by e-mail, and a CPA offer pays once', async () => {
    await inEachOrder(
      calls,
      (orders, _, name) => {
        assert.deepEqual(paid(orders), [3_000, 0], name);
        assert.equal(orders.get('A')?.customerId, orders.get('B')?.customerId, name);
      },
      { ...cpa, program: { identifyByEmail: true } },
    );
  });

  test('are joined and parted again by a change of that, which settles what they bought again', async () => {
    const program = await openHttpProgram(hub, cpa);
    for (const call of calls) await call(program);
    // Of a third one only an e-mail is shared with the second.
    await sale(program, 'C', 3, { customerId: 'u2', customerEmail: 'other@shop.example', ...brought });
    await sale(program, 'D', 4, { customerId: 'u3', customerEmail: 'other@shop.example', ...brought });
    await sale(program, 'E', 5, { customerEmail: 'other@shop.example', ...brought });
    const five = async (): Promise<(number | undefined)[]> => {
      const orders = await ordersOf(program);
      return ['A', 'B', 'C', 'D', 'E'].map((id) => orders.get(id)?.commissionMinor);
    };
    assert.deepEqual(await five(), [3_000, 3_000, 0, 3_000, 0]);
    const admin = new ApiClient(hub.url, hub.adminToken);
    assert.equal((await admin.patch(`/programs/${program.id}`, { identifyByEmail: true })).status, 200);
    assert.deepEqual(await five(), [3_000, 0, 0, 0, 0]);
    assert.equal((await admin.patch(`/programs/${program.id}`, { identifyByEmail: false })).status, 200);
    assert.deepEqual(await five(), [3_000, 3_000, 0, 3_000, 0]);
  });

  test('are what the last of several changes at once says', async () => {
    const program = await openHttpProgram(hub, cpa);
    for (const call of calls) await call(program);
    const admin = new ApiClient(hub.url, hub.adminToken);
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(
        [true, false, true, false].map((identifyByEmail) =>
          admin.patch(`/programs/${program.id}`, { identifyByEmail }),
        ),
      );
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
      const { identifyByEmail } = (await admin.get(`/programs/${program.id}`)).body.data;
      const orders = await ordersOf(program);
      assert.deepEqual(paid(orders), identifyByEmail ? [3_000, 0] : [3_000, 3_000]);
    }
  });
});
