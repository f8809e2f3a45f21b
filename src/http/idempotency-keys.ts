import type { Db } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';

/** What a key stands for: one call of one program. */
export interface IdempotentCall {
  programId: string;
  livemode: boolean;
  method: string;
  path: string;
  key: string;
  requestHash: Buffer;
}

/** A claim names its moment: whoever holds it no longer (it expired and another took it) writes nothing. */
export type Claim =
  | { kind: 'claimed'; claimedAt: string }
  | { kind: 'underway' }
  | { kind: 'mismatch' }
  | { kind: 'answered'; status: number; body: string };

/** A process that was killed leaves its claim behind; after this long another may take it. */
const CLAIM_EXPIRES_S = 60;
const KEPT_HOURS = 24;

/** Takes the key for this call, or says what became of the call that has it. One statement decides among many. */
export async function claimKey(db: Db, call: IdempotentCall): Promise<Claim> {
  const identity = [call.programId, call.livemode, call.method, call.path, call.key];
  const [claimed] = await runPositional<{ claimedAt: string }>(
    db,
    `insert into idempotency_keys as k (program_id, livemode, method, path, key, request_hash, claimed_at)
     values (?, ?, ?, ?, ?, ?, clock_timestamp())
     on conflict (program_id, livemode, method, path, key) do update
       set request_hash = excluded.request_hash, claimed_at = excluded.claimed_at, response_status = null,
         response_body = null
       where k.claimed_at < clock_timestamp() - interval '${KEPT_HOURS} hours'
         or (k.response_status is null and k.claimed_at < clock_timestamp() - interval '${CLAIM_EXPIRES_S} seconds')
     returning claimed_at::text as "claimedAt"`,
    [...identity, call.requestHash],
  );
  if (claimed) return { kind: 'claimed', claimedAt: claimed.claimedAt };
  const [row] = await runPositional<{ requestHash: Buffer; status: number | null; body: string | null }>(
    db,
    `select request_hash as "requestHash", response_status as status, response_body as body from idempotency_keys
     where program_id = ? and livemode = ? and method = ? and path = ? and key = ?`,
    identity,
  );
  // Let go between the two statements: the caller may try again.
  if (!row) return { kind: 'underway' };
  if (!row.requestHash.equals(call.requestHash)) return { kind: 'mismatch' };
  if (row.status === null) return { kind: 'underway' };
  return { kind: 'answered', status: row.status, body: row.body ?? '' };
}

/** Keeps the answer of a claimed call for 24 hours. */
export async function keepAnswer(
  db: Db,
  call: IdempotentCall,
  claimedAt: string,
  answer: { status: number; body: string },
): Promise<void> {
  await runPositional(
    db,
    `update idempotency_keys set response_status = ?, response_body = ?
     where program_id = ? and livemode = ? and method = ? and path = ? and key = ? and claimed_at = ?::timestamptz`,
    [answer.status, answer.body, call.programId, call.livemode, call.method, call.path, call.key, claimedAt],
  );
}

/** Lets a claim go, so that the same call may be made again. */
export async function releaseKey(db: Db, call: IdempotentCall, claimedAt: string): Promise<void> {
  await runPositional(
    db,
    `delete from idempotency_keys
     where program_id = ? and livemode = ? and method = ? and path = ? and key = ? and claimed_at = ?::timestamptz`,
    [call.programId, call.livemode, call.method, call.path, call.key, claimedAt],
  );
}

/** Deletes what is older than 24 hours, in bounded steps; for the sweep. Returns how many went. */
export async function deleteOldKeys(db: Db, limit = 1_000): Promise<number> {
  const rows = await runPositional<{ key: string }>(
    db,
    `delete from idempotency_keys where ctid in (
       select ctid from idempotency_keys where claimed_at < clock_timestamp() - interval '${KEPT_HOURS} hours' limit ?)
     returning key`,
    [limit],
  );
  return rows.length;
}
