import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { Deps } from '../deps.ts';
import { AppError, validationError } from '../domain/errors.ts';
import {
  keepAnswer,
  readReservation,
  releaseKey,
  reserveKey,
  type IdempotentCall,
  type TakenKey,
} from '../http/idempotency-keys.ts';
import type { SealedPlace } from '../db/secret-box.ts';
import type { RenderedAnswer } from '../http/errors.ts';
import type { JsonBody } from '../http/json-body.ts';

type IdempotencyDeps = Pick<Deps, 'db' | 'secrets' | 'log'>;

/** The call that a request's Idempotency-Key makes it; null without one. Throws VALIDATION_ERROR for an unusable key. */
export function readIdempotentCall(
  req: Request,
  body: JsonBody,
  owner: { programId: string; livemode: boolean },
): IdempotentCall | null {
  const key = req.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(key.trim())) {
    throw validationError('Idempotency-Key must be 1 to 255 printable ASCII characters', {
      'Idempotency-Key': 'must be 1 to 255 printable ASCII characters',
    });
  }
  const path = req.baseUrl + req.path.replace(/\/+$/, '');
  return { ...owner, method: req.method, path, key: key.trim(), requestHash: digestBody(body) };
}

/** A name for the call that every retry of it has again, so that what it makes can be known by it. */
export function nameCall(call: IdempotentCall): string {
  const parts = [call.programId, call.livemode, call.method, call.path, call.key];
  return `key-${createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 32)}`;
}

/**
 * Runs a call once: a repeat with the same body gets the first answer again. Throws IDEMPOTENCY_MISMATCH (422) for another
 * body, CONFLICT (409) while the first is under way. 202, 400, 429 and 5xx answers are not kept, nor is a call that died.
 */
export async function runOnce(
  deps: IdempotencyDeps,
  call: IdempotentCall,
  run: () => Promise<RenderedAnswer>,
): Promise<RenderedAnswer> {
  const reservation = await reserveKey(deps.db, call);
  if (reservation.kind !== 'reserved') return answerTaken(deps, call, reservation);
  const answer = await run();
  await finishCall(deps, call, reservation.reservedAt, answer);
  return answer;
}

/** What `runOnce` would answer without running the call; null: it would run it. Throws as it does, and reserves nothing. */
export async function answerOfKey(deps: IdempotencyDeps, call: IdempotentCall): Promise<RenderedAnswer | null> {
  const taken = await readReservation(deps.db, call);
  return taken && answerTaken(deps, call, taken);
}

async function answerTaken(deps: IdempotencyDeps, call: IdempotentCall, taken: TakenKey): Promise<RenderedAnswer> {
  if (taken.kind === 'mismatch') {
    throw new AppError('IDEMPOTENCY_MISMATCH', 'This Idempotency-Key was used with another body');
  }
  if (taken.kind === 'underway') {
    throw new AppError('CONFLICT', 'A request with this Idempotency-Key is still under way', { retryAfterS: 1 });
  }
  const answer = JSON.parse(await deps.secrets.open(taken.body, placeOf(call))) as RenderedAnswer;
  return { ...answer, replayed: true };
}

/** Nothing was done, or not yet: a 400 does nothing, and whoever sends many of them must not fill the table. */
const notKept: ReadonlySet<number> = new Set([202, 400, 429]);

/** Keeps the answer, or frees the key for another try. A failure here is only logged: the work is done and the reservation expires. */
async function finishCall(
  deps: IdempotencyDeps,
  call: IdempotentCall,
  reservedAt: string,
  answer: RenderedAnswer,
): Promise<void> {
  try {
    if (notKept.has(answer.status) || answer.status >= 500) {
      await releaseKey(deps.db, call, reservedAt);
    } else {
      // Sealed: an answer may hold a key or a signing secret, which are shown once and stored nowhere in the clear.
      const body = await deps.secrets.seal(JSON.stringify(answer), placeOf(call));
      await keepAnswer(deps.db, call, reservedAt, { status: answer.status, body });
    }
  } catch (error) {
    deps.log.warn({ err: error }, 'an idempotency key could not be settled');
  }
}

function placeOf({ programId, livemode, method, path, key }: IdempotentCall): SealedPlace {
  return { table: 'idempotency_keys', column: 'response_body', row: [programId, livemode, method, path, key] };
}

/** Spacing and the order of fields are no difference. */
function digestBody({ raw, value }: JsonBody): Buffer {
  const text = value === undefined ? raw : JSON.stringify(value, sortFields);
  return createHash('sha256').update(text).digest();
}

function sortFields(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
