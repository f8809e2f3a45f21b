import { randomBytes } from 'node:crypto';
import type { Db, Trx } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { newId } from '../domain/ids.ts';
import { insertClicks } from './clicks.ts';

/** A test click to try an integration with; what came with it is always test, whatever key it came by. */
export interface TestSession {
  token: string;
  programId: string;
  offerId: string;
  /** `test_…`: conversions with it are never payable. */
  clickId: string;
  createdAt: Date;
  expiresAt: Date;
}

const LIFETIME_MS = 60 * 60_000;

/** Call it in a transaction: the click and its session come together. */
export async function createTestSession(
  trx: Trx,
  programId: string,
  session: { offerId: string; affiliateId: string },
  now: Date,
): Promise<TestSession> {
  const clickId = newId('clk').replace(/^clk_/, 'test_');
  await insertClicks(trx, [
    {
      id: clickId,
      programId,
      livemode: false,
      affiliateId: session.affiliateId,
      offerId: session.offerId,
      linkId: null,
      occurredAt: now,
      sub1: null,
      sub2: null,
      sub3: null,
      sub4: null,
      sub5: null,
      utm: null,
      ip: null,
      userAgent: null,
      sourceUrl: null,
    },
  ]);
  const [row] = await runPositional<TestSession>(
    trx,
    `insert into test_sessions (token, program_id, offer_id, click_id, created_at, expires_at)
     values (?, ?, ?, ?, ?, ?) returning ${columns}`,
    [
      randomBytes(24).toString('base64url'),
      programId,
      session.offerId,
      clickId,
      now,
      new Date(now.getTime() + LIFETIME_MS),
    ],
  );
  return row as TestSession;
}

export async function findTestSession(db: Db, programId: string, token: string): Promise<TestSession | null> {
  const [row] = await runPositional<TestSession>(
    db,
    `select ${columns} from test_sessions where program_id = ? and token = ?`,
    [programId, token],
  );
  return row ?? null;
}

const columns = `token, program_id as "programId", offer_id as "offerId", click_id as "clickId",
  created_at as "createdAt", expires_at as "expiresAt"`;
