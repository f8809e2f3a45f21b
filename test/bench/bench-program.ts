import { randomBytes } from 'node:crypto';
import { createSecretBox } from '../../src/db/secret-box.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { createSource, postbackSettingsSchema } from '../../src/program/sources.ts';
import type { Db } from '../../src/db/db.ts';
import { newId } from '../../src/domain/ids.ts';
import { runSql } from '../support/sql.ts';
import { addAffiliate, addOffer } from '../journeys/ledger.ts';

/** A program of ordinary size: what the benchmarks' messages are about. */
export interface BenchProgram {
  programId: string;
  clickIds: string[];
}

const AFFILIATES = 100;

export async function makeBenchProgram(db: Db, clicks: number): Promise<BenchProgram> {
  const programId = newId('prg');
  await db('programs').insert({ id: programId, name: 'Benchmark' });
  const affiliates: string[] = [];
  for (let n = 0; n < AFFILIATES; n += 1) affiliates.push(await addAffiliate(db, programId));
  const offers = [
    await addOffer(db, programId, { type: 'cps', rateBps: 1500 }),
    await addOffer(db, programId, { type: 'cpa', amountMinor: 3000 }),
    await addOffer(db, programId, { type: 'revshare', rateBps: 2000, durationMonths: 12 }),
  ];
  await db('programs').where({ id: programId }).update({ default_offer_id: offers[0] });
  const clickIds = Array.from({ length: clicks }, () => newId('clk'));
  const occurredAt = new Date(Date.now() - 86_400_000).toISOString();
  for (let start = 0; start < clickIds.length; start += 5_000) {
    const part = clickIds.slice(start, start + 5_000);
    await runSql(
      db,
      `insert into clicks (id, program_id, livemode, affiliate_id, offer_id, occurred_at)
       select id, ?, true, affiliate_id, offer_id, ? from unnest(?::text[], ?::text[], ?::text[])
         as c (id, affiliate_id, offer_id)`,
      [
        programId,
        occurredAt,
        part,
        part.map((_, n) => affiliates[n % affiliates.length]),
        part.map((_, n) => offers[n % offers.length]),
      ],
    );
  }
  // As autovacuum does within a minute of so many rows.
  await db.raw('analyze clicks');
  return { programId, clickIds };
}

/** The query of a tracker's postback about a new order. */
export function postbackFields(clickId: string, n: number): Record<string, string> {
  return {
    click_id: clickId,
    txid: `T-${n}-${randomBytes(4).toString('hex')}`,
    amount: `${10 + (n % 90)}.${String(n % 100).padStart(2, '0')}`,
    currency: 'USD',
  };
}

/** A tracker that is answered OK as soon as its postback is durable, and a live key by which it and the backend may send. */
export async function addTracker(db: Db, programId: string): Promise<{ key: string; pathOf: PathOf }> {
  const source = await createSource(db, createSecretBox({ key: randomBytes(32) }), programId, {
    kind: 'postback',
    settings: postbackSettingsSchema.parse({ purpose: 'primary', response: 'ok' }),
    secrets: null,
  });
  const { plaintext: key } = await createKey(db, programId, { name: 'bench', mode: 'live', access: 'write' });
  return {
    key,
    pathOf: (clickId, txid) => `/pb/${source.id}?cid=${clickId}&txid=${txid}&sum=49.90&currency=USD&secure=${key}`,
  };
}

/** The URL by which a tracker tells of an order. */
export type PathOf = (clickId: string, txid: string) => string;
