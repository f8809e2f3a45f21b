import type { Db } from '../db.ts';
import { runSql } from '../sql.ts';

// What belongs to the hub is read from PostgreSQL's catalogue, so that a table which a later migration adds cannot be
// forgotten: every table of the schema in which the migrations are recorded. The queue's tables are in a schema of their own.

export interface StoredTable {
  name: string;
  /** With its schema, quoted for SQL. */
  qualified: string;
  /** All but generated ones, in the order of the table. */
  columns: string[];
  /** PostgreSQL's estimate, for showing progress; -1 while it knows of none. */
  estimatedRows: number;
}

export interface StoredSequence {
  name: string;
  qualified: string;
}

/** knex's mark of a migration under way: it is true of a process, not of the data. */
const NOT_KEPT = ['schema_migrations_lock'];

const inSchemaOfTheHub = `c.relnamespace = (select relnamespace from pg_class where oid = to_regclass('schema_migrations'))
  and c.relpersistence <> 't'
  and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`;

/** The hub's tables by name; none where its schema was never made. */
export function listTables(db: Db): Promise<StoredTable[]> {
  return runSql<StoredTable>(
    db,
    'listTables',
    `select c.relname as name, format('%I.%I', n.nspname, c.relname) as qualified, c.reltuples as "estimatedRows",
       (select array_agg(a.attname::text order by a.attnum) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where ${inSchemaOfTheHub} and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> all(:notKept)
     order by c.relname collate "C"`,
    { notKept: NOT_KEPT },
  );
}

/** The sequences that number the rows of these tables. */
export function listSequences(db: Db): Promise<StoredSequence[]> {
  return runSql<StoredSequence>(
    db,
    'listSequences',
    `select c.relname as name, format('%I.%I', n.nspname, c.relname) as qualified
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where ${inSchemaOfTheHub} and c.relkind = 'S'
       and not exists (select 1 from pg_depend d join pg_class t on t.oid = d.refobjid
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i') and t.relname = any(:notKept))
     order by c.relname collate "C"`,
    { notKept: NOT_KEPT },
  );
}

export interface SequenceState {
  name: string;
  /** int8 as text. */
  lastValue: string;
  isCalled: boolean;
}

/** Read after the rows: what a sequence says later is never less than what numbered them. */
export async function readSequences(db: Db): Promise<SequenceState[]> {
  const states: SequenceState[] = [];
  for (const { name, qualified } of await listSequences(db)) {
    const rows = await runSql<Omit<SequenceState, 'name'>>(
      db,
      'readSequence',
      `select last_value::text as "lastValue", is_called as "isCalled" from ${qualified}`,
    );
    states.push(...rows.map((row) => ({ name, ...row })));
  }
  return states;
}

/** Statements that take away what would stand in the way of loading, and those that put it back as it was. */
export interface Obstacles {
  remove: string[];
  putBack: string[];
}

/**
 * Foreign keys, whose circles no order of the tables satisfies, and triggers, which would write a second time what is
 * in the rows already. A role that owns the tables may do so; `session_replication_role`, which would spare it, wants a superuser,
 * whom the embedded default's processes and managed databases do not have. Foreign keys check all rows when they are put back.
 */
export async function listObstacles(db: Db): Promise<Obstacles> {
  const keys = await runSql<{ table: string; name: string; definition: string }>(
    db,
    'listForeignKeys',
    `select format('%I.%I', n.nspname, c.relname) as table, quote_ident(k.conname) as name, pg_get_constraintdef(k.oid) as definition
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
     where ${inSchemaOfTheHub} and k.contype = 'f' and k.conparentid = 0 order by c.relname, k.conname`,
  );
  const triggered = await runSql<{ table: string; name: string; state: string }>(
    db,
    'listTriggers',
    `select format('%I.%I', n.nspname, c.relname) as table, quote_ident(t.tgname) as name, t.tgenabled as state
     from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
     where ${inSchemaOfTheHub} and not t.tgisinternal and t.tgenabled <> 'D' order by c.relname, t.tgname`,
  );
  return {
    remove: [
      ...keys.map(({ table, name }) => `alter table ${table} drop constraint ${name}`),
      ...triggered.map(({ table, name }) => `alter table ${table} disable trigger ${name}`),
    ],
    putBack: [
      ...keys.map(({ table, name, definition }) => `alter table ${table} add constraint ${name} ${definition}`),
      ...triggered.map(
        ({ table, name, state }) => `alter table ${table} ${enabling[state] ?? 'enable'} trigger ${name}`,
      ),
    ],
  };
}

/** By `pg_trigger.tgenabled`. */
const enabling: Readonly<Record<string, string>> = { O: 'enable', R: 'enable replica', A: 'enable always' };
