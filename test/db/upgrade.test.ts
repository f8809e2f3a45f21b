import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { Webhook } from 'standardwebhooks';
import type { ExpectedProgram } from '../../fixtures/databases/making/archive.ts';
import { previewMigrations } from '../../src/audit/preview-migrations.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { createDatabase } from '../../src/db/database.ts';
import { inTransaction, type Db } from '../../src/db/db.ts';
import { listPendingMigrations, migrateDatabase } from '../../src/db/migrate.ts';
import { bindSecrets, resealSecrets } from '../../src/db/sealed-columns.ts';
import { createSecretBox } from '../../src/db/secret-box.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { createLogger } from '../../src/process/logging.ts';
import { settleToTheEnd } from '../../src/pipeline/settle-safely.ts';
import { requestNextOfRound } from '../../src/pipeline/work-items/settle-again.ts';
import { signStripeBody } from '../../src/inbound/stripe/sign.ts';
import { ApiClient } from '../api/api-client.ts';
import { cliEnvironment, root, runCli } from '../cli/run-cli.ts';
import { refunded } from '../journeys/stripe-events.ts';
import { startReceiver } from '../outbound/receiver.ts';
import { restoreArchive, type RestoredDatabase } from '../support/archive.ts';
import { startHub, type HubOptions, type TestHub } from '../support/hub.ts';
import { listConversions } from '../../src/ledger/conversions.ts';
import { assertRowsTellAll } from '../journeys/short-rows.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A commit whose databases are in the field; fixtures/databases/README.md tells what is in this one. */
const COMMIT = '4f642b4';

const listMigrations = async (): Promise<string[]> => (await readdir(join(root, 'migrations'))).toSorted();

test('what migrating changes for guests who turn out to be customers is shown before it is done', async () => {
  const database = await restoreArchive(COMMIT);
  const single = createDatabase({ url: database.url, role: 'test', poolSize: 1 });
  try {
    const [guest] = await runSql<{ orderId: string; programId: string; livemode: boolean; email: string }>(
      single,
      `select o.id as "orderId", o.program_id as "programId", o.livemode, substr(r.ref, 7) as email
       from orders o join customer_refs r on r.customer_id = o.customer_id
       where r.ref like 'email:%' and o.merged_into is null and o.cpa_claim like 'customer:%' order by o.id limit 1`,
    );
    assert.ok(guest, 'the archive has a guest');
    // Somebody with an id was told of with the same e-mail, which meant nothing then.
    const changed = await runSql(
      single,
      `update facts set fact = jsonb_set(fact::jsonb, '{customer,email}', to_jsonb(?::text))::json
       where (program_id, livemode, id) in (
         select f.program_id, f.livemode, f.id from facts f join orders o on o.id = f.order_id
         where f.program_id = ? and f.livemode = ? and f.fact -> 'customer' -> 'refs' ->> 0 not like 'email:%'
         order by f.id limit 1) returning id`,
      [guest.email, guest.programId, guest.livemode],
    );
    assert.equal(changed.length, 1);
    const { findings } = await previewMigrations(single);
    assert.ok(
      findings.differences.some(({ id, field }) => id === guest.orderId && field === 'cpaSlot'),
      inspect(findings.differences),
    );
  } finally {
    await single.destroy();
    await database.drop();
  }
});

describe(`a database of ${COMMIT}`, () => {
  let database: RestoredDatabase;
  let db: Db;
  before(async () => {
    database = await restoreArchive(COMMIT);
    db = createDatabase({ url: database.url, role: 'test' });
  });
  after(async () => {
    await db.destroy();
    await database.drop();
  });

  const readApplied = async (): Promise<string[]> => {
    const rows = await runSql<{ name: string }>(db, 'select name from schema_migrations order by id');
    return rows.map(({ name }) => name);
  };

  test('is restored whole: rows of every kind, and the migrations of its time alone', async () => {
    const { expected } = database;
    assert.ok(expected.commit.startsWith(COMMIT));
    assert.deepEqual(await readApplied(), (await listMigrations()).slice(0, 6));
    assert.deepEqual(expected.migrations, await readApplied());
    for (const [table, count] of Object.entries(expected.rows)) {
      const [row] = await runSql<{ count: number }>(db, `select count(*)::int as count from ${table}`);
      assert.equal(row?.count, count, table);
    }
    for (const [place, counts] of Object.entries(expected.kinds)) {
      const [table = '', column = ''] = place.split('.');
      const rows = await runSql<{ value: string; count: number }>(
        db,
        `select ${column}::text as value, count(*)::int as count from ${table} where ${column} is not null group by 1`,
      );
      assert.deepEqual(Object.fromEntries(rows.map(({ value, count }) => [value, count])), counts, place);
    }
  });

  test('shows what migrating it would change, and changes nothing by that', async () => {
    const single = createDatabase({ url: database.url, role: 'test', poolSize: 1 });
    try {
      const { pending, findings } = await previewMigrations(single);
      assert.deepEqual(
        pending,
        (await listMigrations()).slice(6).map((file) => file.replace('.ts', '')),
      );
      assert.deepEqual(findings.differences, [], 'the orders in this archive are settled as they were');
      assert.equal(findings.counts.get('orders'), database.expected.verified['orders']);
      assert.equal(findings.counts.get('waiting'), undefined);
    } finally {
      await single.destroy();
    }
    assert.deepEqual(await readApplied(), (await listMigrations()).slice(0, 6));
  });

  test('is brought up to date by exactly the migrations that came after it', async () => {
    const all = await listMigrations();
    const later = all.slice(6).map((file) => file.replace('.ts', ''));
    const readSources = () =>
      runSql<{ id: string; livemode: boolean | null }>(db, `select id, livemode from sources order by id`);
    const sources = await readSources();
    // A code as it was pasted from a page, with a space that cannot be seen.
    const [pasted] = await runSql<{ code: string; affiliate: string }>(
      db,
      `update affiliate_codes set code = left(code, 1) || chr(8203) || substr(code, 2)
       where (program_id, kind, code) in (
         select program_id, kind, code from affiliate_codes c where kind = 'referral' and length(code) > 4
           and not exists (select 1 from affiliate_codes k where k.code = c.code and k.program_id <> c.program_id)
         order by program_id, code limit 1)
       returning code, affiliate_id as affiliate`,
    );
    assert.deepEqual(await migrateDatabase({ databaseUrl: database.url, queueInDatabase: true }), later);
    assert.deepEqual(await listPendingMigrations(db), []);
    assert.deepEqual(await readApplied(), all);
    // What a source said of its mode it goes on saying; one that said nothing leaves it to each message.
    assert.deepEqual(
      await readSources(),
      sources.map(({ id, livemode }) => ({ id, livemode: livemode ?? true })),
    );
    for (const table of ['affiliates', 'affiliate_codes', 'offers', 'tracking_links', 'webhook_endpoints']) {
      const rows = await runSql(db, `select distinct livemode from ${table}`);
      assert.deepEqual(rows, [{ livemode: true }], table);
    }
    const plain = pasted?.code.replace('\u200b', '');
    assert.deepEqual(
      await runSql(
        db,
        `select c.code, c.link_code, (select affiliate_id from link_codes where code = ?) as "leadsTo"
         from affiliate_codes c where kind = 'referral' and affiliate_id = ?`,
        [pasted?.code, pasted?.affiliate],
      ),
      [{ code: plain, link_code: plain, leadsTo: pasted?.affiliate }],
    );
    assert.deepEqual(await migrateDatabase({ databaseUrl: database.url, queueInDatabase: true }), []);
  });

  test('has a link for every affiliate: the referral code where it was free, and no tracking link moved', async () => {
    const rows = await runSql<{ code: string; own: string; taken: boolean }>(
      db,
      `select c.code, c.link_code as own, exists (
         select 1 from tracking_links l where lower(l.code) = c.code and l.affiliate_id <> c.affiliate_id
         union all select 1 from link_codes k where k.code = c.code and k.affiliate_id <> c.affiliate_id) as taken
       from affiliate_codes c where c.kind = 'referral'`,
    );
    assert.ok(rows.length > 5);
    assert.equal(new Set(rows.map(({ own }) => own)).size, rows.length);
    for (const { code, own, taken } of rows) assert.equal(own === code, !taken, code);
    const [links] = await runSql<{ count: number }>(
      db,
      `select count(*)::int as count from tracking_links
      where status <> 'active' or not exists (select 1 from link_codes k where k.code = lower(tracking_links.code))`,
    );
    assert.equal(links?.count, 0);
  });

  test('has a ref for every source, listed as before, which tells nothing of the id but its time', async () => {
    const rows = await runSql<{ id: string; ref: string }>(db, 'select id, ref from sources order by id');
    assert.ok(rows.length > 5);
    const byRef = await runSql<{ id: string }>(db, 'select id from sources order by ref');
    assert.deepEqual(
      byRef.map(({ id }) => id),
      rows.map(({ id }) => id),
    );
    for (const { id, ref } of rows) {
      assert.match(ref, /^srr_[0-9a-f]{32}$/);
      const [time, rest] = [ref.slice(4, 21), ref.slice(21)];
      assert.equal(time, id.slice(4, 21));
      assert.ok(!id.includes(rest));
    }
  });

  test('has the program in every row, and loses none by that; what the old version inserts learns its program', async () => {
    for (const table of ['deliveries', 'delivery_attempts', 'postback_firings', 'recoveries', 'payout_entries']) {
      const [row] = await runSql<{ count: number }>(db, `select count(*)::int as count from ${table}`);
      assert.equal(row?.count, database.expected.rows[table], table);
    }
    for (const [table, told] of Object.entries({
      deliveries: 'messages m on m.id = t.message_id',
      delivery_attempts: 'messages m on m.id = t.message_id',
      postback_firings: 'orders m on m.id = t.conversion_id',
      recoveries: 'webhook_endpoints m on m.id = t.endpoint_id',
      payout_entries: 'ledger_entries m on m.order_id = t.order_id and m.id = t.entry_id',
    })) {
      const [row] = await runSql<{ right: number; wrong: number }>(
        db,
        `select count(*) filter (where t.program_id = m.program_id)::int as right,
           count(*) filter (where t.program_id <> m.program_id)::int as wrong from ${table} t join ${told}`,
      );
      assert.equal(row?.wrong, 0, table);
      assert.ok(table === 'recoveries' || (row?.right ?? 0) > 0, table);
    }
    const trial = inTransaction(db, async (trx) => {
      const { rows } = await trx.raw<{ rows: object[] }>(
        `with old as (
           insert into deliveries (message_id, endpoint_id, status, created_at)
           select 'evt_of_before', id, 'held', now() from webhook_endpoints order by id limit 1
           returning program_id, endpoint_id)
         select old.program_id = e.program_id as right from old join webhook_endpoints e on e.id = old.endpoint_id`,
      );
      assert.deepEqual(rows, [{ right: true }]);
      throw new Error('tried, and taken back');
    });
    await assert.rejects(trial, /tried, and taken back/);
  });

  test('tells of its old orders, customers, messages and attempts what other rows tell of them', async () => {
    await assertRowsTellAll(db);
    const [told] = await runSql<{ attempts: number; messages: number; listed: number }>(
      db,
      `select (select count(*)::int from every_attempt) as attempts, (select count(*)::int from every_message) as messages,
         (select count(*)::int from order_refs where listed) as listed`,
    );
    const { delivery_attempts: attempts, messages, order_refs: listed } = database.expected.rows;
    assert.deepEqual(told, { attempts, messages, listed });
    const orders = await runSql<{ id: string; program: string; livemode: boolean; orderId: string }>(
      db,
      `select id, program_id as program, livemode, order_id as "orderId" from orders
       where order_id is not null and kind is not null and status <> 'merged'`,
    );
    assert.ok(orders.length > 20);
    for (const { id, program, livemode, orderId } of orders) {
      const found = await listConversions(db, program, { livemode, orderId }, { limit: 10 });
      assert.ok(
        found.items.some((item) => item.id === id),
        `${orderId} of ${program} finds no ${id}`,
      );
    }
  });

  test('has its sources without a key speak for themselves alone, by the orders that they told of', async () => {
    const refs = await runSql<{ ref: string; source: string }>(
      db,
      `select r.ref, e.source_id as source from order_refs r join facts f on f.order_id = r.order_id
       join inbox_events e on e.id = f.inbox_id join sources s on s.id = e.source_id
       where s.settings ->> 'requireKey' = 'false' order by 1`,
    );
    assert.ok(refs.length > 4);
    for (const { ref, source } of refs) assert.ok(ref.startsWith(`keyless:${source}:order:D-`), ref);
    const [others] = await runSql<{ count: number }>(
      db,
      `select count(*)::int as count from sources where (settings ->> 'requireKey' = 'false') and order_scope <> 'source'`,
    );
    assert.equal(others?.count, 0);
  });

  test('says before it is settled again that it is not yet, and proves its ledger afterwards as it did then', async () => {
    const { differences, counts } = await verifyLedger(db);
    assert.deepEqual(differences, []);
    assert.ok((counts.get('waiting') ?? 0) >= (database.expected.verified['orders'] ?? Infinity) / 2);
    const deps = { db, clock: systemClock, log: createLogger({ level: 'silent', role: 'test' }) };
    for (let steps = 0; ; steps += 1) {
      const resettlementIds = await requestNextOfRound(db, 50);
      if (resettlementIds.length === 0) break;
      assert.ok(steps < 100, 'the round ends');
      await settleToTheEnd(deps, { eventIds: [], resettlementIds });
    }
    const after = await verifyLedger(db);
    assert.deepEqual(after.differences, []);
    const messages = database.expected.verified['messages'] ?? 0;
    // By the reading of then they stand as they were read.
    const expected = { ...database.expected.verified, standingMessages: messages };
    assert.deepEqual(Object.fromEntries(after.counts), expected);
  });

  test('opens every secret with the key that sealed it', async () => {
    const secrets = createSecretBox({ key: Buffer.from(database.expected.secrets.encryptionKey, 'base64') });
    const [{ count } = { count: 0 }] = await runSql<{ count: number }>(
      db,
      `select (select count(secrets) from sources)::int
         + (select count(secret) + count(previous_secret) + count(headers) from webhook_endpoints)::int as count`,
    );
    assert.ok(count > 20, `${count} secrets`);
    const [{ answers } = { answers: 0 }] = await runSql<{ answers: number }>(
      db,
      'select count(response_body)::int as answers from idempotency_keys',
    );
    const [source] = await runSql<{ id: string; sealed: string }>(
      db,
      'select id, secrets as sealed from sources where secrets is not null limit 1',
    );
    assert.ok(source);
    const place = { table: 'sources', column: 'secrets', row: [source.id] } as const;
    await assert.rejects(secrets.open(source.sealed, place), /not bound to its row yet\. Run: tributary migrate/);
    assert.equal(await bindSecrets(db, secrets), count + answers, 'each is bound to its row');
    assert.equal(await bindSecrets(db, secrets), 0, 'once');
    assert.equal(await resealSecrets(db, secrets), count);
    const stranger = createSecretBox({ key: Buffer.alloc(32) });
    await assert.rejects(resealSecrets(db, stranger));
  });

  test('answers its old keys with what the hub of its time answered', async () => {
    const hub = await openHub(database, { worker: false });
    try {
      for (const program of database.expected.programs) {
        for (const mode of ['live', 'test'] as const) {
          const api = new ApiClient(hub.url, program[`${mode}Key`]);
          const totals = await readTotals(api);
          // Fields may have been added since.
          assert.partialDeepStrictEqual(totals, program[mode], `${program.name}, ${mode}`);
          assert.deepEqual(totals.conversions, program[mode].conversions);
          assert.equal(totals.balances.length, program[mode].balances.length);
          assert.equal(totals.payouts.length, program[mode].payouts.length);
        }
      }
    } finally {
      await hub.stop();
    }
  });

  test('works on: old orders are refunded, old customers come again, old subscribers hear of it', async () => {
    const receiver = await startReceiver();
    // The endpoints of the archive are at 127.0.0.2, which is refused.
    const hub = await openHub(database, { env: { OUTBOUND_ALLOW_CIDRS: '127.0.0.1/32' } });
    try {
      await moveSubscriber(hub, findProgram(database, 'Backend'), receiver.url);
      await refundByStripe(hub, database);
      await sellToOldCustomer(hub, findProgram(database, 'Backend'));
      await fireOldClick(hub, findProgram(database, 'Trackers'));
      await payOut(hub, findProgram(database, 'Backend'));
      const told = await waitUntil('the old subscriber hears of the new conversion', () =>
        receiver.received.find(({ body }) => body.includes('"conversion.created"') && body.includes('after-upgrade-1')),
      );
      assert.ok(new Webhook(database.expected.secrets.endpointSigning).verify(told.body, told.headers));
      await untilSettled(db);
      assert.deepEqual((await verifyLedger(db)).differences, []);
    } finally {
      await hub.stop();
      await receiver.close();
    }
  });
});

test('a message that was taken and that its own hub could not read again stands as it was taken', async () => {
  const database = await restoreArchive(COMMIT);
  const db = createDatabase({ url: database.url, role: 'test' });
  try {
    // A conversion with a byte order mark before its JSON, as a replay of then left it.
    const [broken] = await runSql<{ id: string; facts: unknown }>(
      db,
      `with taken as (
         select e.id, e.facts from inbox_events e
         where e.status = 'processed' and e.kind = 'conversion' and exists (select 1 from facts f where f.inbox_id = e.id)
         order by e.id limit 1)
       update inbox_events e set raw = '\\xefbbbf'::bytea || e.raw, facts = '[]', status = 'unprocessable',
         outcome = 'unprocessable', error = 'The body is not JSON', conversion_id = null
       from taken where e.id = taken.id returning e.id, taken.facts`,
    );
    assert.ok(broken);
    await migrateDatabase({ databaseUrl: database.url, queueInDatabase: true });
    assert.deepEqual((await verifyLedger(db)).differences, []);
    const [mended] = await runSql<{ status: string; facts: unknown; error: string | null; found: boolean }>(
      db,
      `select e.status, e.facts, e.error, exists (select 1 from orders o where o.id = e.conversion_id) as found
       from inbox_events e where e.id = ?`,
      [broken.id],
    );
    assert.deepEqual(mended, { status: 'processed', facts: broken.facts, error: null, found: true });
  } finally {
    await db.destroy();
    await database.drop();
  }
});

test('the migration after the newest one is applied to that database, once, and what it has stays proven', async () => {
  const database = await restoreArchive(COMMIT);
  const db = createDatabase({ url: database.url, role: 'test' });
  const tree = await mkdtemp(join(tmpdir(), 'tributary-upgrade-'));
  try {
    for (const part of ['package.json', 'src', 'migrations'])
      await cp(join(root, part), join(tree, part), { recursive: true });
    await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
    const files = await listMigrations();
    const next = `${String(Number.parseInt(files.at(-1) ?? '', 10) + 1).padStart(3, '0')}_next`;
    await writeFile(join(tree, 'migrations', `${next}.ts`), nextMigration);

    const { encryptionKey } = database.expected.secrets;
    const env = { ...cliEnvironment({ databaseUrl: database.url }), ENCRYPTION_KEY: encryptionKey };
    const first = await runCli(['migrate'], env, { cwd: tree });
    const applied = [...files.slice(6).map((file) => file.replace('.ts', '')), next];
    assert.equal(first.stdout, `Applied ${applied.join(', ')}\n`, first.stderr);
    const again = await runCli(['migrate'], env, { cwd: tree });
    assert.equal(again.stdout, 'The schema is up to date\n', again.stderr);
    const [row] = await runSql<{ noted: number }>(db, `select count(*)::int as noted from orders where noted = status`);
    assert.equal(row?.noted, database.expected.rows.orders);
    assert.deepEqual((await verifyLedger(db)).differences, []);
  } finally {
    await rm(tree, { recursive: true, force: true });
    await db.destroy();
    await database.drop();
  }
});

/** Changes a table that has rows, triggers and all, as the migrations to come do. */
const nextMigration = `
export async function up(knex) {
  await knex.raw("alter table orders add column noted text not null default ''");
  await knex.raw('update orders set noted = status');
}
export async function down() {}
`;

function openHub({ url, expected }: RestoredDatabase, { env, ...options }: HubOptions): Promise<TestHub> {
  const { encryptionKey } = expected.secrets;
  return startHub({ ...options, env: { ...env, DATABASE_URL: url, ENCRYPTION_KEY: encryptionKey } });
}

function findProgram({ expected }: RestoredDatabase, name: string): ExpectedProgram {
  const program = expected.programs.find((each) => each.name === name);
  assert.ok(program, name);
  return program;
}

async function readTotals(api: ApiClient) {
  const conversions: Record<string, number> = {};
  for (const { status } of [
    ...(await listAll(api, '/conversions')),
    ...(await listAll(api, '/conversions?status=merged')),
  ]) {
    conversions[String(status)] = (conversions[String(status)] ?? 0) + 1;
  }
  return {
    conversions,
    statistics: (await api.get('/stats')).body.data as object,
    balances: await listAll(api, '/balances'),
    payouts: await listAll(api, '/payouts'),
  };
}

async function listAll(api: ApiClient, path: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for (let cursor = ''; ;) {
    const { body, text } = await api.get(`${path}${path.includes('?') ? '&' : '?'}limit=100${cursor}`);
    assert.ok(body.data, text);
    items.push(...body.data);
    if (!body.pagination.hasMore) return items;
    cursor = `&cursor=${encodeURIComponent(body.pagination.nextCursor)}`;
  }
}

/** The one subscriber who hears of everything, at a new address; with the secret that it has. */
async function moveSubscriber(hub: TestHub, { liveKey }: ExpectedProgram, url: string): Promise<void> {
  const api = new ApiClient(hub.url, liveKey);
  const endpoints = await listAll(api, '/webhook-endpoints');
  const endpoint = endpoints.find(({ description }) => description === 'All that happens');
  assert.deepEqual(endpoint?.headers, { 'x-example': null });
  const moved = await api.patch(`/webhook-endpoints/${String(endpoint.id)}`, { url });
  assert.equal(moved.status, 200, moved.text);
}

/** Stripe refunds an old payment that was paid out: the payout stays, and the balance goes below. */
async function refundByStripe(hub: TestHub, database: RestoredDatabase): Promise<void> {
  const program = findProgram(database, 'Stripe up to acacia');
  const api = new ApiClient(hub.url, program.liveKey);
  const [source] = await listAll(api, '/sources');
  const payment = { id: '3SbEfwTr1bFx7HubA0sRCvbO', currency: 'usd', paidAt: Math.floor(Date.now() / 1_000) };
  const body = JSON.stringify(refunded(payment, 'AfterTheUpgrade', 12_000, 0));
  const signature = signStripeBody(body, database.expected.secrets.stripeSigning);
  const answer = await fetch(`${hub.url}/in/stripe/${String(source?.id)}`, {
    method: 'POST',
    headers: { 'stripe-signature': signature },
    body,
  });
  assert.equal(answer.status, 200, await answer.text());
  const [order] = await listAll(api, `/conversions?orderId=pi_${payment.id}`);
  assert.deepEqual([order?.status, order?.refundedMinor, order?.grossMinor], ['paid', 0, 12_000]);
  const findBalance = (balances: object[]) =>
    (balances as Record<string, unknown>[]).find(
      (each) => each.affiliateId === order?.affiliateId && each.currency === 'USD',
    );
  const was = findBalance(program.live.balances);
  const is = await waitUntil('the refund is settled', async () => {
    const found = findBalance(await listAll(api, '/balances'));
    return found?.balanceMinor === was?.balanceMinor ? null : found;
  });
  assert.equal(is.balanceMinor, Number(was?.balanceMinor) - 2_000);
  assert.equal(is.paidMinor, was?.paidMinor);
  const [after_] = await listAll(api, `/conversions?orderId=pi_${payment.id}`);
  assert.deepEqual([after_?.status, after_?.refundedMinor], ['paid', 12_000]);
}

/** By the customer's binding of then, at the rate of then. */
async function sellToOldCustomer(hub: TestHub, { liveKey }: ExpectedProgram): Promise<void> {
  const api = new ApiClient(hub.url, liveKey);
  const sale = { user_id: 'taxed', order_id: 'after-upgrade-1', amount: '10.00', currency: 'USD' };
  const sold = await api.post('/conversions', sale);
  assert.equal(sold.status, 201, sold.text);
  assert.equal(sold.body.data.commission.amountMinor, 250);
  const ann = await api.get('/affiliates/ann');
  const conversion = await api.get(`/conversions/${sold.body.data.conversionId}`);
  assert.equal(conversion.body.data.affiliateId, ann.body.data.id);
  const repeated = await api.post('/conversions', { ...sale, order_id: 'taxed' });
  assert.equal(repeated.body.data.reason, 'duplicate_order', repeated.text);
}

/** By a click of then, judged at its own time. */
async function fireOldClick(hub: TestHub, { liveKey }: ExpectedProgram): Promise<void> {
  const api = new ApiClient(hub.url, liveKey);
  const [click] = await listAll(api, '/clicks');
  const [source] = (await listAll(api, '/sources')).filter(({ preset }) => preset === 'keitaro');
  const sale = `subid=${String(click?.id)}&status=sale&payout=20&currency=usd&tid=after-upgrade-2`;
  const query = `${sale}&occurred_at=${String(click?.occurredAt)}&secure=${liveKey}`;
  const fired = await api.get(`//pb/${String(source?.id)}?${query}`);
  assert.equal(fired.status, 200, fired.text);
  const order = await waitUntil('the postback is settled', async () => {
    const [found] = await listAll(api, '/conversions?orderId=after-upgrade-2');
    return found;
  });
  assert.deepEqual([order.clickId, order.affiliateId], [click?.id, click?.affiliateId]);
}

/** What was approved then is payable now, once. */
async function payOut(hub: TestHub, { liveKey }: ExpectedProgram): Promise<void> {
  const api = new ApiClient(hub.url, liveKey);
  const payout = await api.post('/payouts', { affiliateId: 'ben', currency: 'USD' });
  assert.deepEqual([payout.status, payout.body.data?.amountMinor], [201, 9_000], payout.text);
  assert.equal((await api.patch(`/payouts/${payout.body.data.id}`, { status: 'paid' })).status, 200);
  assert.equal((await api.post('/payouts', { affiliateId: 'ben', currency: 'USD' })).status, 409);
}

async function untilSettled(db: Db): Promise<void> {
  await waitUntil('everything is settled', async () => {
    const [row] = await runSql<{ waiting: number }>(
      db,
      `select (select count(*) from inbox_events where status = 'received')::int
         + (select count(*) from resettlements)::int as waiting`,
    );
    return row?.waiting === 0;
  });
}
