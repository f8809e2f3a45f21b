import { randomBytes } from 'node:crypto';
import type { Db, Trx } from '../db/db.ts';
import { insertList, selectList, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { newId } from '../domain/ids.ts';
import { insertClicks } from './clicks.ts';

/** A test click to try an integration with. What names it is a test, whatever key it came by. */
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

/** The click and its session are made together. */
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
  const [row] = await runSql<TestSession>(
    trx,
    'createTestSession',
    `insert into test_sessions ${insertList(columns)} returning ${selected}`,
    {
      token: randomBytes(24).toString('base64url'),
      programId,
      offerId: session.offerId,
      clickId,
      createdAt: now,
      expiresAt: new Date(now.getTime() + LIFETIME_MS),
    },
  );
  return row as TestSession;
}

export async function findTestSession(db: Db, programId: string, token: string): Promise<TestSession | null> {
  const [row] = await runSql<TestSession>(
    db,
    'findTestSession',
    `select ${selected} from test_sessions where program_id = :programId and token = :token`,
    { programId, token },
  );
  return row ?? null;
}

const columns: Columns<keyof TestSession> = {
  token: 'token',
  programId: 'program_id',
  offerId: 'offer_id',
  clickId: 'click_id',
  createdAt: 'created_at',
  expiresAt: 'expires_at',
};
const selected = selectList(columns);
