import { randomUUID } from 'node:crypto';
import type { Db } from '../../src/db/db.ts';
import { runSql } from '../support/sql.ts';
import type { Evidence, Fact, FactAmount, FactOf } from '../../src/domain/facts.ts';
import { newId } from '../../src/domain/ids.ts';
import type { CommissionOverride, CommissionTerms } from '../../src/domain/terms.ts';
import { settleSafely } from '../../src/pipeline/settle-safely.ts';
import { createLogger } from '../../src/process/logging.ts';

/** A program with one affiliate and one offer, straight in the database, and the pipeline run on facts by hand. */
export interface Ledger {
  db: Db;
  programId: string;
  affiliateId: string;
  offerId: string;
  /** Stores each list of facts as one inbox event, settles them all in one batch, and what follows from them. */
  say(...events: Fact[][]): Promise<string[]>;
  /** Stores events without settling them. */
  store(events: Fact[][], options?: { kind?: string }): Promise<string[]>;
  settle(eventIds: string[]): Promise<void>;
  outcomes(eventIds: string[]): Promise<{ outcome: string; reason: string | null }[]>;
  orders(): Promise<OrderSnapshot[]>;
  /** Amounts of the postings of all orders, oldest first. */
  postings(): Promise<number[]>;
  messageTypes(): Promise<string[]>;
  now: Date;
}

export interface OrderSnapshot {
  id: string;
  kind: string | null;
  status: string;
  reason: string | null;
  net: number;
  refunded: number;
  currency: string | null;
  affiliateId: string | null;
  commission: number;
  commissionCurrency: string | null;
  orderId: string | null;
}

const log = createLogger({ level: 'silent', role: 'test' });

export async function openLedger(
  db: Db,
  options: {
    commission?: CommissionTerms;
    offer?: { currency?: string; dailyCap?: number; windowDays?: number; status?: string };
    program?: {
      timezone?: string;
      couponFirst?: boolean;
      model?: string;
      autoApprove?: boolean;
      holdDays?: number;
      currency?: string;
    };
    affiliate?: { email?: string; status?: string; override?: CommissionOverride; code?: string };
  } = {},
): Promise<Ledger> {
  const programId = newId('prg');
  const program = options.program ?? {};
  await db('programs').insert({
    id: programId,
    name: 'Test program',
    currency: program.currency ?? 'USD',
    timezone: program.timezone ?? 'UTC',
    coupon_first: program.couponFirst ?? false,
    attribution_model: program.model ?? 'last_click',
    auto_approve: program.autoApprove ?? false,
    hold_days: program.holdDays ?? 0,
  });
  const affiliateId = await addAffiliate(db, programId, options.affiliate);
  const offerId = await addOffer(db, programId, options.commission ?? { type: 'cps', rateBps: 2000 }, options.offer);
  await db('programs').where({ id: programId }).update({ default_offer_id: offerId });
  const ledger: Ledger = {
    db,
    programId,
    affiliateId,
    offerId,
    now: new Date('2026-06-01T12:00:00.000Z'),
    async say(...events) {
      const ids = await ledger.store(events);
      await ledger.settle(ids);
      return ids;
    },
    async store(events, { kind = 'stripe' } = {}) {
      // Ids are random within a millisecond: sorted, the events were received in the order given.
      const ids = events.map(() => newId('ibx')).sort();
      for (const [index, facts] of events.entries()) {
        const id = ids[index];
        await db('inbox_events').insert({
          id,
          program_id: programId,
          kind,
          livemode: true,
          raw: Buffer.from('{}'),
          facts: JSON.stringify(facts),
          received_at: ledger.now,
          next_enqueue_at: ledger.now,
        });
      }
      return ids;
    },
    async settle(eventIds) {
      const deps = { db, log, clock: { now: () => ledger.now } };
      let work = { eventIds, resettlementIds: [] as string[] };
      for (let rounds = 0; rounds < 20; rounds += 1) {
        const result = await settleSafely(deps, work);
        if (result.resettlementIds.length === 0) return;
        work = { eventIds: [], resettlementIds: result.resettlementIds };
      }
      throw new Error('settling again does not come to an end');
    },
    outcomes: (eventIds) =>
      runSql(db, `select outcome, reason from inbox_events where id = any(?) order by id`, [eventIds]),
    async orders() {
      const rows = await runSql<Record<string, never>>(
        db,
        `select id, kind, status, reason, net_minor::int as net, refunded_minor::int as refunded, currency,
           affiliate_id as "affiliateId", commission_minor::int as commission,
           commission_currency as "commissionCurrency", order_id as "orderId"
         from orders where program_id = ? and status <> 'merged' order by occurred_at, reference`,
        [programId],
      );
      return rows as unknown as OrderSnapshot[];
    },
    async postings() {
      const rows = await runSql<{ amount: number }>(
        db,
        `select amount_minor::int as amount from ledger_entries where program_id = ? order by created_at, id`,
        [programId],
      );
      return rows.map((row) => row.amount);
    },
    async messageTypes() {
      const rows = await runSql<{ type: string }>(
        db,
        `select type from every_message where program_id = ? order by id`,
        [programId],
      );
      return rows.map((row) => row.type);
    },
  };
  return ledger;
}

export async function addAffiliate(
  db: Db,
  programId: string,
  options: { email?: string; status?: string; override?: CommissionOverride; code?: string; coupon?: string } = {},
): Promise<string> {
  const id = newId('aff');
  const code = options.code ?? `code-${id.slice(-12)}`;
  await db('affiliates').insert({
    id,
    program_id: programId,
    display_name: 'Jane',
    email: options.email ?? `${id}@affiliates.example`,
    referral_code: code,
    status: options.status ?? 'active',
    commission_override: options.override ? JSON.stringify(options.override) : null,
  });
  const codes = [{ kind: 'referral', code }, ...(options.coupon ? [{ kind: 'coupon', code: options.coupon }] : [])];
  for (const one of codes) {
    await db('affiliate_codes').insert({
      program_id: programId,
      kind: one.kind,
      code: one.code.toLowerCase(),
      display: one.code,
      affiliate_id: id,
    });
  }
  return id;
}

export async function addOffer(
  db: Db,
  programId: string,
  commission: CommissionTerms,
  options: { currency?: string; dailyCap?: number; windowDays?: number; status?: string } = {},
): Promise<string> {
  const id = newId('off');
  await db('offers').insert({
    id,
    program_id: programId,
    name: 'Offer',
    url: 'https://shop.example/',
    code: `O${id.slice(-10)}`,
    commission: JSON.stringify(commission),
    currency: options.currency ?? 'USD',
    daily_cap: options.dailyCap ?? 0,
    attribution_window_days: options.windowDays ?? 30,
    status: options.status ?? 'published',
  });
  return id;
}

export async function addClick(
  ledger: Ledger,
  options: { affiliateId?: string; offerId?: string | null; at?: string } = {},
): Promise<string> {
  const id = newId('clk');
  await ledger.db('clicks').insert({
    id,
    program_id: ledger.programId,
    livemode: true,
    affiliate_id: options.affiliateId ?? ledger.affiliateId,
    offer_id: options.offerId === undefined ? ledger.offerId : options.offerId,
    occurred_at: options.at ?? '2026-05-20T00:00:00.000Z',
  });
  return id;
}

/** A fact with what most facts have in common filled in. */
export function fact<T extends Fact['type']>(
  type: T,
  fields: Partial<FactOf<T>> & Omit<FactOf<T>, 'id' | 'type' | 'refs' | 'occurredAt' | 'customer' | 'evidence'>,
): Fact {
  return {
    id: randomUUID(),
    type,
    refs: [],
    occurredAt: '2026-06-01T10:00:00.000Z',
    customer: null,
    evidence: {},
    ...fields,
  } as unknown as Fact;
}

export function usd(minor: number): FactAmount {
  return { minor, currency: 'USD' };
}

export function sale(
  order: string,
  amount: FactAmount,
  fields: Partial<FactOf<'sale'>> = {},
  evidence: Evidence = {},
): Fact {
  return fact('sale', {
    id: `sale:${order}`,
    refs: [order],
    document: 'api',
    gross: amount,
    net: amount,
    phase: 'one_off',
    subscription: null,
    goal: 'purchase',
    evidence,
    ...fields,
  });
}
