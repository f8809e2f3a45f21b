import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { inTransaction } from '../../src/db/db.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { runSql } from '../support/sql.ts';

/**
 * Tables that are spread by nothing, each with its reason: on several machines they are copied to all of them (reference
 * tables) or stay where they are. src/docs/scale.md has the statements.
 */
const notByProgram: Readonly<Record<string, string>> = {
  programs: 'its id is the program',
  schema_migrations: 'which migrations have run',
  schema_migrations_lock: 'which migrations have run',
  settling_rounds: 'state of the worker: how far the round over all programs is',
  inbox_counting: 'state of the worker: how far the counting of messages is',
  inbox_watches: 'state of the worker: a row for what arrived in one statement, whichever programs it was for',
  api_keys: 'looked up by its hash before the program is known',
  sources: 'looked up by its id in the URL before the program is known',
  test_sessions: 'looked up by its token before the program is known',
  sign_in_links: 'looked up by its hash before anybody is known',
  link_codes: 'looked up by the code of a link before the program is known; a code is one link in the whole hub',
  tracking_link_codes: 'what makes the code of a tracking link one in the whole hub',
  imported_ids: 'what makes ids of other systems ones in the whole hub',
};

/** BullMQ's own, in a schema of its own where the queue is in PostgreSQL, are none of ours. */
const ours = `'public'::regnamespace`;

interface Key {
  table: string;
  name: string;
  kind: string;
  columns: string[];
  referenced: string | null;
  referencedColumns: string[] | null;
}

let t: TestDatabase;
let keys: Key[];
before(async () => {
  t = await openTestDatabase();
  keys = await runSql<Key>(
    t.db,
    `select i.indrelid::regclass::text as "table", i.indexrelid::regclass::text as name, 'unique' as kind,
       (select array_agg(a.attname::text order by k.place) from unnest(i.indkey::int2[]) with ordinality k (number, place)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number where k.place <= i.indnkeyatts) as columns,
       null as referenced, null::text[] as "referencedColumns"
     from pg_index i join pg_class c on c.oid = i.indrelid
     where i.indisunique and c.relnamespace = ${ours} and c.relkind in ('r', 'p')
     union all
     select c.conrelid::regclass::text, c.conname, 'foreign',
       (select array_agg(a.attname::text order by k.place) from unnest(c.conkey) with ordinality k (number, place)
        join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.number),
       c.confrelid::regclass::text,
       (select array_agg(a.attname::text order by k.place) from unnest(c.confkey) with ordinality k (number, place)
        join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.number)
     from pg_constraint c where c.contype = 'f' and c.connamespace = ${ours}
     union all
     select c.conrelid::regclass::text, c.conname, 'exclusion', array[]::text[], null, null
     from pg_constraint c where c.contype = 'x' and c.connamespace = ${ours}
     order by 1, 2`,
  );
});
after(() => t.close());

/** The column that says of which program a row is. */
function programColumn(table: string): string {
  return table === 'programs' ? 'id' : 'program_id';
}

describe('so that the tables can be spread over machines by program', () => {
  test('every table has the program in a column that is never null, or is one of those that are listed with a reason', async () => {
    const tables = await runSql<{ name: string; known: boolean | null }>(
      t.db,
      `select c.relname::text as name, a.attnotnull as known from pg_class c
       left join pg_attribute a on a.attrelid = c.oid and a.attname = 'program_id' and not a.attisdropped
       where c.relnamespace = ${ours} and c.relkind in ('r', 'p') order by 1`,
    );
    assert.ok(tables.length > 45, `${tables.length} tables`);
    const missing = tables.filter(({ name, known }) => known !== true && !(name in notByProgram));
    assert.deepEqual(missing, []);
    const names = new Set(tables.map(({ name }) => name));
    assert.deepEqual(
      Object.keys(notByProgram).filter((name) => !names.has(name)),
      [],
      'a reason for a table that is no more',
    );
  });

  test('every primary key and everything unique has the program among its columns', () => {
    const unique = keys.filter(({ kind, table }) => kind !== 'foreign' && !(table in notByProgram));
    assert.ok(unique.length > 40, `${unique.length} unique indexes`);
    assert.deepEqual(
      unique.filter(({ columns }) => !columns.includes('program_id')),
      [],
    );
  });

  test('every table but sums and the log of attempts has a primary key', async () => {
    const without = await runSql<{ name: string }>(
      t.db,
      `select c.relname::text as name from pg_class c where c.relnamespace = ${ours} and c.relkind in ('r', 'p')
         and not exists (select 1 from pg_constraint where conrelid = c.oid and contype = 'p') order by 1`,
    );
    assert.deepEqual(
      without.map(({ name }) => name),
      [
        'balance_deltas',
        'balance_rollups',
        'conversion_total_deltas',
        'crawler_visits',
        'delivery_attempts',
        'forgotten_clicks',
        'statistic_deltas',
      ],
    );
  });

  test('every foreign key pairs the program with the program', () => {
    const foreign = keys.filter(({ kind }) => kind === 'foreign');
    assert.ok(foreign.length > 15, `${foreign.length} foreign keys`);
    for (const { table, name, columns, referenced, referencedColumns } of foreign) {
      const place = columns.indexOf(programColumn(table));
      assert.ok(place >= 0, `${name} of ${table} does not say the program`);
      assert.equal(referencedColumns?.[place], programColumn(referenced ?? ''), `${name} of ${table}`);
    }
  });

  test('only those that are listed keep a foreign key from where it cannot be once the tables are spread', () => {
    // A table that is copied to all machines cannot refer to one that is spread; scale.md drops these first.
    const across = keys.filter(
      ({ kind, table, referenced }) =>
        kind === 'foreign' && table !== 'programs' && table in notByProgram && referenced !== null,
    );
    assert.deepEqual(
      across.map(({ table, referenced }) => `${table} -> ${referenced}`),
      [
        'api_keys -> programs',
        'link_codes -> affiliates',
        'sign_in_links -> affiliates',
        'sources -> programs',
        'test_sessions -> programs',
      ],
    );
  });
});

describe('the statements for Citus in the guide', () => {
  let guide: string;
  before(async () => {
    const page = await readFile(new URL('../../src/docs/scale.md', import.meta.url), 'utf8');
    guide = /```sql\n([^`]*)```/.exec(page)?.[1] ?? '';
  });
  const namesIn = (text: string): string[] => [...text.matchAll(/'(\w+)'/g)].map(([, name = '']) => name);
  const distributed = (): string[] => [
    ...[...guide.matchAll(/create_distributed_table\('(\w+)'/g)].map(([, name = '']) => name),
    ...namesIn(/unnest\(array\[([^\]]*)\]/.exec(guide)?.[1] ?? ''),
  ];

  test('name every table once: copied to all machines, spread by program, or left where it is', async () => {
    const copied = [...guide.matchAll(/create_reference_table\('(\w+)'\)/g)].map(([, name = '']) => name);
    const left = /stay where they are, on the coordinator: ([\w, ]+)\./.exec(guide)?.[1]?.split(', ') ?? [];
    const named = [...copied, ...distributed(), ...left];
    assert.deepEqual(named.toSorted(), [...new Set(named)].toSorted(), 'named twice');
    const tables = await runSql<{ name: string }>(
      t.db,
      `select relname::text as name from pg_class where relnamespace = ${ours} and relkind in ('r', 'p')`,
    );
    assert.deepEqual(named.toSorted(), tables.map(({ name }) => name).toSorted());
    assert.deepEqual([...copied, ...left, 'programs'].toSorted(), Object.keys(notByProgram).toSorted());
    for (const [, table = '', column] of guide.matchAll(/create_distributed_table\('(\w+)', '(\w+)'/g)) {
      assert.equal(column, programColumn(table), table);
    }
  });

  test('distribute what is referred to first, and drop the foreign keys that are in the way', () => {
    const order = distributed();
    const dropped = [...guide.matchAll(/drop constraint (\w+)/g)].map(([, name = '']) => name);
    for (const { kind, table, name, referenced } of keys) {
      if (kind !== 'foreign' || dropped.includes(name)) continue;
      assert.ok(order.includes(table), `${name}: ${table} is not distributed`);
      assert.ok(order.indexOf(referenced ?? '') < order.indexOf(table), `${referenced} stands behind ${table}`);
      assert.ok(order.includes(referenced ?? ''), `${name}: ${referenced} is not distributed`);
    }
    const names = new Set(keys.map(({ name }) => name));
    assert.deepEqual(
      dropped.filter((name) => !names.has(name)),
      [],
      'dropped, and not there',
    );
  });

  test('work as far as this PostgreSQL can tell: what is dropped can be dropped, and added again', async () => {
    const plain = guide
      .replace(/--.*$/gm, '')
      .split(';')
      .map((statement) => statement.trim())
      .filter((statement) => statement.startsWith('alter'));
    assert.equal(plain.length, 7);
    const trial = inTransaction(t.db, async (trx) => {
      for (const statement of plain) await trx.raw(statement);
      throw new Error('tried, and taken back');
    });
    await assert.rejects(trial, /tried, and taken back/);
  });
});

describe('what was unique in the whole hub is so still', () => {
  const program = async (): Promise<{ id: string; affiliate: string; offer: string }> => {
    const [row] = await runSql<{ id: string }>(
      t.db,
      `insert into programs (id, name) values ('prg_' || replace(gen_random_uuid()::text, '-', ''), 'One of two') returning id`,
    );
    const id = row?.id ?? '';
    const [affiliate, offer] = [`aff_of_${id}`, `off_of_${id}`];
    await runSql(
      t.db,
      `insert into affiliates (id, program_id, display_name, email, referral_code) values (?, ?, 'A', 'a@example.com', ?)`,
      [affiliate, id, id],
    );
    await runSql(
      t.db,
      `insert into offers (id, program_id, name, url, code, commission, currency)
       values (?, ?, 'O', 'https://shop.example/', ?, '{"type":"revshare","rateBps":1000,"durationMonths":null}', 'USD')`,
      [offer, id, offer],
    );
    return { id, affiliate, offer };
  };
  const link = (of: Awaited<ReturnType<typeof program>>, id: string, code: string) =>
    runSql(t.db, `insert into tracking_links (id, program_id, affiliate_id, offer_id, code) values (?, ?, ?, ?, ?)`, [
      id,
      of.id,
      of.affiliate,
      of.offer,
      code,
    ]);

  test('the code of a tracking link, in whichever program; it is free again once no link has it', async () => {
    const [one, two] = [await program(), await program()];
    await link(one, 'lnk_1', 'summer');
    await assert.rejects(link(two, 'lnk_2', 'summer'), /tracking_link_codes_pkey/);
    await runSql(t.db, `update tracking_links set code = 'autumn' where id = 'lnk_1'`);
    await assert.rejects(link(two, 'lnk_2', 'AUTUMN'), /AUTUMN is another link's/);
    await assert.rejects(link(two, 'lnk_2', 'autumn'), /tracking_link_codes_pkey/);
    await runSql(t.db, `delete from tracking_links where id = 'lnk_1'`);
    await link(two, 'lnk_2', 'autumn');
    assert.deepEqual(await runSql(t.db, `select code, program_id as "programId" from tracking_link_codes order by 1`), [
      { code: 'autumn', programId: two.id },
    ]);
  });
});
