import { inTransaction, type Db, type Trx } from '../db/db.ts';
import { applyPendingWithin } from '../db/migrate.ts';
import { runSql } from '../db/sql.ts';
import { Findings } from './verify-findings.ts';
import { readOrderPage, verifyOrders } from './verify-orders.ts';

/** What migrating would do. */
export interface MigrationPreview {
  /** Migrations that are pending. */
  pending: string[];
  /** Orders that the rules of this version settle otherwise: the differences say how. */
  findings: Findings;
}

const PAGE_SIZE = 200;

/** What nobody sees: by it orders find each other. */
const inward = new Set(['bindsSubscription', 'countedAt', 'ranksLast'] as const);

/**
 * Applies the pending migrations, settles every order again by the rules of this version, and rolls all of that back: it
 * shows what would change. While it runs, the hub's own writes wait for the migrated tables.
 */
export async function previewMigrations(db: Db, onProgress?: (findings: Findings) => void): Promise<MigrationPreview> {
  let preview: MigrationPreview | null = null;
  const rolledBack = new Error('rolled back on purpose');
  try {
    await inTransaction(db, async (trx) => {
      const pending = await applyPendingWithin(trx);
      preview = { pending, findings: await settleAll(trx, pending.length > 0, onProgress) };
      throw rolledBack;
    });
  } catch (error) {
    if (error !== rolledBack || preview === null) throw error;
  }
  return preview ?? { pending: [], findings: new Findings() };
}

async function settleAll(trx: Trx, migrated: boolean, onProgress?: (findings: Findings) => void): Promise<Findings> {
  const findings = new Findings();
  // What a round has yet to settle is passed over by a proof; here it is what is looked for.
  if (migrated) {
    await runSql(trx, 'finishRounds', 'update settling_rounds set finished_at = now()');
    // What the migrations themselves asked to settle again: they are of this transaction, as its time tells.
    await runSql(trx, 'forgetRequestsOfMigrations', 'delete from resettlements where created_at = now()');
  }
  for (let after: string | null = ''; after !== null;) {
    const page = await readOrderPage(trx, after, PAGE_SIZE, null);
    await verifyOrders(trx, page, findings, inward);
    onProgress?.(findings);
    after = page.length === PAGE_SIZE ? (page.at(-1)?.id ?? null) : null;
  }
  return findings;
}
