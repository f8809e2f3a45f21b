import type { Db } from '../../src/db/db.ts';
import { runSql } from '../support/sql.ts';

/** What was written to one table, its indexes and its TOAST: as the server's log tells, so exact whatever the machine does. */
export interface WalCost {
  table: string;
  /** Inserted or updated. */
  rows: number;
  /** Of the rows those that were updated. */
  updates: number;
  /** Of the updates those that touched no index. */
  hotUpdates: number;
  indexEntries: number;
  bytes: number;
}

/** Where the log stands. */
export async function readLogPosition(db: Db): Promise<string> {
  const [row] = await runSql<{ lsn: string }>(db, 'select pg_current_wal_insert_lsn()::text as lsn', []);
  if (!row) throw new Error('the server tells no position of its log');
  return row.lsn;
}

/**
 * What the log says since a position, by table. What is of no table (commits, notices) stands under `transactions`, the
 * queue's tables under `queue`. Images of whole pages are left out.
 */
export async function readWalCosts(db: Db, since: string): Promise<WalCost[]> {
  await runSql(db, 'create extension if not exists pg_walinspect', []);
  return runSql<WalCost>(
    db,
    `with until as materialized (select pg_current_wal_flush_lsn() as lsn), relation as (
       select c.oid as relid, c.relfilenode, n.nspname,
         coalesce(owner.relname, of_toast.relname, c.relname) as relname
       from pg_class c
       left join pg_index i on i.indexrelid = c.oid
       left join pg_class toast on toast.oid = coalesce(i.indrelid, c.oid) and toast.relkind = 't'
       left join pg_class of_toast on of_toast.reltoastrelid = toast.oid
       left join pg_class owner on owner.oid = i.indrelid and owner.relkind <> 't'
       join pg_namespace n on n.oid = coalesce(owner.relnamespace, of_toast.relnamespace, c.relnamespace)
       where c.relfilenode <> 0
     ), touched as (
       select distinct on (b.start_lsn) b.start_lsn, b.relfilenode
       from until, pg_get_wal_block_info(?::pg_lsn, until.lsn, false) b
       where b.reldatabase = (select oid from pg_database where datname = current_database())
       order by b.start_lsn, b.block_id
     ), record as (
       select r.*, r.resource_manager || '/' || r.record_type as kind, relation.relname, relation.nspname
       from until cross join pg_get_wal_records_info(?::pg_lsn, until.lsn) r
       left join touched on touched.start_lsn = r.start_lsn
       left join relation on relation.relfilenode = touched.relfilenode
     )
     select case when relname is null then 'transactions' when nspname = 'public' then relname
         when nspname in ('pg_catalog', 'pg_toast', 'information_schema') then 'catalogue' else 'queue' end as table,
       coalesce(sum(case when kind like 'Heap2/MULTI\\_INSERT%' then substring(description from 'ntuples: ([0-9]+)')::int
         when kind like 'Heap/INSERT%' or kind like 'Heap/UPDATE%' or kind like 'Heap/HOT\\_UPDATE%' then 1 end), 0)::float as rows,
       count(*) filter (where kind like 'Heap/UPDATE%' or kind like 'Heap/HOT\\_UPDATE%')::float as updates,
       count(*) filter (where kind like 'Heap/HOT\\_UPDATE%')::float as "hotUpdates",
       count(*) filter (where kind in ('Btree/INSERT_LEAF', 'Btree/INSERT_POST', 'Btree/SPLIT_L', 'Btree/SPLIT_R'))::float
         as "indexEntries",
       sum(record_length - fpi_length)::float as bytes
     from record group by 1 order by bytes desc`,
    [since, since],
  );
}
