import type { Db } from '../db/db.ts';
import { runSql, type Bindings } from '../db/sql.ts';

/** What a key stands for: one call of one program. */
export interface IdempotentCall {
  programId: string;
  livemode: boolean;
  method: string;
  path: string;
  key: string;
  requestHash: Buffer;
}

/**
 * What reserving a key comes to. A reservation is known by the moment at which it was made: one that expired, so that
 * another call has the key now, can neither keep an answer nor release the key.
 */
type Reservation = { kind: 'reserved'; reservedAt: string } | TakenKey;

/** What became of the call that has the key. */
export type TakenKey = { kind: 'underway' } | { kind: 'mismatch' } | { kind: 'answered'; status: number; body: string };

/** A process that was killed leaves its reservation behind; after this long another call may have the key. */
const RESERVATION_EXPIRES_S = 60;
const KEPT_HOURS = 24;

const expired = `k.claimed_at < clock_timestamp() - interval '${KEPT_HOURS} hours'
  or (k.response_status is null and k.claimed_at < clock_timestamp() - interval '${RESERVATION_EXPIRES_S} seconds')`;

/** Reserves the key for this call, or says what became of the call that has it. One statement decides among many calls. */
export async function reserveKey(db: Db, call: IdempotentCall): Promise<Reservation> {
  const { requestHash } = call;
  const [reserved] = await runSql<{ reservedAt: string }>(
    db,
    'reserveKey',
    `insert into idempotency_keys as k (program_id, livemode, method, path, key, request_hash, claimed_at)
     values (:programId, :livemode, :method, :path, :key, :requestHash, clock_timestamp())
     on conflict (program_id, livemode, method, path, key) do update
       set request_hash = excluded.request_hash, claimed_at = excluded.claimed_at, response_status = null,
         response_body = null
       where ${expired}
     returning claimed_at::text as "reservedAt"`,
    { ...identityOf(call), requestHash },
  );
  if (reserved) return { kind: 'reserved', reservedAt: reserved.reservedAt };
  // Released between the two statements: the caller may try again.
  return (await readReservation(db, call)) ?? { kind: 'underway' };
}

/** What reserving the key would come to, without reserving it; null: it would be reserved. */
export async function readReservation(db: Db, call: IdempotentCall): Promise<TakenKey | null> {
  const [row] = await runSql<{ requestHash: Buffer; status: number | null; body: string | null }>(
    db,
    'readKey',
    `select request_hash as "requestHash", response_status as status, response_body as body from idempotency_keys k
     where ${sameCall} and not (${expired})`,
    identityOf(call),
  );
  if (!row) return null;
  if (!row.requestHash.equals(call.requestHash)) return { kind: 'mismatch' };
  if (row.status === null) return { kind: 'underway' };
  return { kind: 'answered', status: row.status, body: row.body ?? '' };
}

/** Keeps the answer of a reserved call for 24 hours. */
export async function keepAnswer(
  db: Db,
  call: IdempotentCall,
  reservedAt: string,
  { status, body }: { status: number; body: string },
): Promise<void> {
  await runSql(
    db,
    'keepAnswer',
    `update idempotency_keys set response_status = :status, response_body = :body
     where ${sameCall} and claimed_at = :reservedAt::timestamptz`,
    { ...identityOf(call), reservedAt, status, body },
  );
}

/** Ends a reservation, so that the same call may be made again. */
export async function releaseKey(db: Db, call: IdempotentCall, reservedAt: string): Promise<void> {
  await runSql(
    db,
    'releaseKey',
    `delete from idempotency_keys where ${sameCall} and claimed_at = :reservedAt::timestamptz`,
    { ...identityOf(call), reservedAt },
  );
}

const sameCall = `program_id = :programId and livemode = :livemode and method = :method and path = :path and key = :key`;

function identityOf({ programId, livemode, method, path, key }: IdempotentCall): Bindings {
  return { programId, livemode, method, path, key };
}

/** Deletes what is older than 24 hours, in bounded steps; for the sweep. Gives how many are gone. */
export async function deleteOldKeys(db: Db, limit = 1_000): Promise<number> {
  const rows = await runSql<{ key: string }>(
    db,
    'deleteOldKeys',
    `delete from idempotency_keys where ctid in (
       select ctid from idempotency_keys where claimed_at < clock_timestamp() - interval '${KEPT_HOURS} hours' limit :limit)
     returning key`,
    { limit },
  );
  return rows.length;
}
