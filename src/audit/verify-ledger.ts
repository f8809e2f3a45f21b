import { inTransaction, snapshot, type Db, type Trx } from '../db/db.ts';
import { readCustomerPage, verifyCustomers } from './verify-customers.ts';
import { firstFact, type FactPosition } from './fact-position.ts';
import { verifyFacts } from './verify-facts.ts';
import { Findings } from './verify-findings.ts';
import { readOrderPage, verifyOrders } from './verify-orders.ts';
import { countPostings, verifyPayouts } from './verify-payouts.ts';
import { verifyIntroductions } from './verify-introductions.ts';
import { verifyLeads } from './verify-leads.ts';
import { verifyMessages } from './verify-messages.ts';

export interface VerifyOptions {
  /** Of one program alone. */
  programId?: string | undefined;
  pageSize?: number;
  /** Called after every page. */
  onProgress?: (findings: Findings) => void;
}

// Bounds the memory: a page of raw messages may hold this many of up to a mebibyte.
const PAGE_SIZE = 200;

/**
 * Proves the ledger: reads every raw message again and compares the facts, settles every order again from facts and
 * records and compares the conversions and the sums of their postings, binds every customer again, and adds up payouts.
 * Page by page, each at one moment of the database, which may be at work meanwhile: nothing is locked and nothing written.
 */
export async function verifyLedger(db: Db, options: VerifyOptions = {}): Promise<Findings> {
  const { pageSize = PAGE_SIZE, onProgress } = options;
  const programId = options.programId ?? null;
  const findings = new Findings();
  const page = async <T>(work: (trx: Trx) => Promise<T>): Promise<T> => {
    const result = await inTransaction(db, work, snapshot);
    onProgress?.(findings);
    return result;
  };
  for (let after: string | null = ''; after !== null;) {
    const from: string = after;
    after = await page((trx) => verifyMessages(trx, from, pageSize, programId, findings));
  }
  for (let after: FactPosition | null = firstFact; after !== null;) {
    const from: FactPosition = after;
    after = await page((trx) => verifyFacts(trx, from, pageSize, programId, findings));
  }
  for (let after: string | null = ''; after !== null;) {
    const from: string = after;
    after = await page((trx) => verifyIntroductions(trx, from, pageSize, programId, findings));
  }
  for (let after: FactPosition | null = firstFact; after !== null;) {
    const from: FactPosition = after;
    after = await page((trx) => verifyLeads(trx, from, pageSize, programId, findings));
  }
  for (let after: string | null = ''; after !== null;) {
    const from: string = after;
    after = await page(async (trx) => {
      const orders = await readOrderPage(trx, from, pageSize, programId);
      await verifyOrders(trx, orders, findings);
      return nextId(orders, pageSize);
    });
  }
  for (let after: string | null = ''; after !== null;) {
    const from: string = after;
    after = await page(async (trx) => {
      const customers = await readCustomerPage(trx, from, pageSize, programId);
      await verifyCustomers(trx, customers, findings);
      return nextId(customers, pageSize);
    });
  }
  for (let after: string | null = ''; after !== null;) {
    const from: string = after;
    after = await page((trx) => verifyPayouts(trx, from, pageSize, programId, findings));
  }
  await page((trx) => countPostings(trx, programId, findings));
  return findings;
}

function nextId(rows: { id: string }[], pageSize: number): string | null {
  return rows.length === pageSize ? (rows.at(-1)?.id ?? null) : null;
}
