import type { Trx } from './db.ts';
import { nameFor, runSql } from './sql.ts';

/** Tables whose rows people change. */
type ConfigurationTable = 'programs' | 'offers' | 'tracking_links' | 'sources' | 'webhook_endpoints' | 'api_keys';

/** Holds a row until the transaction ends, so that what is read of it next is what a change begins with. */
export async function lockRow(trx: Trx, table: ConfigurationTable, programId: string, id: string): Promise<void> {
  const program = table === 'programs' ? 'id' : 'program_id';
  await runSql(
    trx,
    nameFor('lock', table),
    `select 1 from ${table} where ${program} = :programId and id = :id for no key update`,
    { programId, id },
  );
}
