import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { RevenuecatSecrets } from '../../program/sources.ts';

/** Older and newer signatures are refused, so that a recorded message cannot be played again later. */
const TOLERANCE_MS = 300_000;

export interface SignedMessage {
  body: Buffer;
  authorization: string | undefined;
  /** The header X-RevenueCat-Webhook-Signature: `t=seconds,v1=hex`. */
  signature: string | undefined;
}

/** What shows that a message is not RevenueCat's, in public words. */
export interface Forgery {
  refusal: 'authorization_wrong' | 'signature_missing' | 'signature_old' | 'signature_wrong';
  problem: string;
}

/**
 * Whether a message is RevenueCat's: the Authorization header is exactly what the merchant typed, and the HMAC-SHA256 of
 * `t.` and the raw body is right, whichever of the two the source has; both where it has both. Null: authentic; else what
 * is wrong (www.revenuecat.com/docs/integrations/webhooks, read 2026-11).
 */
export function findForgery(message: SignedMessage, secrets: RevenuecatSecrets, now: Date): Forgery | null {
  const forged = findForgedHeader(message.authorization, secrets);
  if (forged !== null || secrets.hmacSecret === null) return forged;
  return findForgedSignature(message, secrets.hmacSecret, now);
}

/** The same as far as the headers tell: before the body is read. */
export function findForgedHeader(given: string | undefined, secrets: RevenuecatSecrets): Forgery | null {
  const { authorization, hmacSecret } = secrets;
  // A source is created with at least one; without any nothing can be authentic.
  if (authorization === null && hmacSecret === null)
    return forgery('authorization_wrong', 'The source has no secret to check messages by');
  if (authorization === null || isSameHeader(given, authorization)) return null;
  return forgery('authorization_wrong', 'The Authorization header is not the one of this source');
}

/** The header as RevenueCat sends it. */
export function signRevenueCat(body: Buffer, hmacSecret: string, now: Date): string {
  const time = String(Math.floor(now.getTime() / 1000));
  return `t=${time},v1=${computeSignature(time, body, hmacSecret).toString('hex')}`;
}

function findForgedSignature(message: SignedMessage, hmacSecret: string, now: Date): Forgery | null {
  if (!message.signature) {
    return forgery('signature_missing', 'The header X-RevenueCat-Webhook-Signature is missing');
  }
  const parts = message.signature.split(',').map((part) => part.trim());
  const time = parts.find((part) => part.startsWith('t='))?.slice(2) ?? '';
  if (!/^\d{1,12}$/.test(time)) return forgery('signature_missing', 'The signature has no time');
  if (Math.abs(now.getTime() - Number(time) * 1000) > TOLERANCE_MS) {
    return forgery('signature_old', 'The signature is older than 5 minutes');
  }
  const expected = computeSignature(time, message.body, hmacSecret);
  const isRight = parts.some((part) => {
    const given = part.startsWith('v1=') ? Buffer.from(part.slice(3), 'hex') : null;
    return given !== null && given.length === expected.length && timingSafeEqual(given, expected);
  });
  return isRight ? null : forgery('signature_wrong', 'The signature does not fit the body');
}

function forgery(refusal: Forgery['refusal'], problem: string): Forgery {
  return { refusal, problem };
}

function computeSignature(time: string, body: Buffer, hmacSecret: string): Buffer {
  return createHmac('sha256', hmacSecret).update(`${time}.`).update(body).digest();
}

/** In constant time, whatever the length. Node drops white space around a header's value and reads its bytes as Latin-1. */
function isSameHeader(given: string | undefined, expected: string): boolean {
  const wanted = hash('sha256', expected.trim(), 'buffer');
  const sent = Buffer.from((given ?? '').trim(), 'latin1');
  return timingSafeEqual(hash('sha256', sent, 'buffer'), wanted) && given !== undefined;
}
