import { signRevenueCat } from '../inbound/revenuecat/verify.ts';
import { signStripeBody } from '../inbound/stripe/sign.ts';
import type { Fixture } from './fixtures.ts';

/** Where a message goes, and what proves there that it is authentic. */
export type Target =
  | { kind: 'stripe'; url: string; signingSecret: string }
  | { kind: 'revenuecat'; url: string; authorization: string | null; hmacSecret: string | null }
  | { kind: 'postback'; url: string; key: string | null }
  | { kind: 'conversion'; url: string; key: string };

export interface SignedRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body: string | null;
}

/** The request that the sender itself would make, signed now. Throws where the target takes no such message. */
export function signFixture({ kind, text, file }: Fixture, target: Target, now: Date): SignedRequest {
  const { url } = target;
  if (target.kind === 'postback') {
    if (kind === 'query') return { method: 'GET', url: `${url}?${addKey(text, target.key)}`, headers: {}, body: null };
    const headers = { 'content-type': kind === 'json' ? JSON_TYPE : 'application/x-www-form-urlencoded' };
    const key: Record<string, string> = target.key === null ? {} : { 'x-api-key': target.key };
    return { method: 'POST', url, headers: { ...headers, ...key }, body: text };
  }
  if (kind !== 'json') throw new Error(`${file}: this way in takes JSON`);
  return {
    method: 'POST',
    url,
    headers: { 'content-type': JSON_TYPE, ...proveAuthentic(text, target, now) },
    body: text,
  };
}

/** Sends it; the answer's body as text. Throws where nothing answers. */
export async function sendRequest({
  method,
  url,
  headers,
  body,
}: SignedRequest): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(url, {
      method,
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    const { origin } = new URL(url);
    throw new Error(`No hub answers at ${origin} (${explainFailure(error)}). Does it run? --hub says where it is.`, {
      cause: error,
    });
  }
}

const JSON_TYPE = 'application/json';
const TIMEOUT_MS = 60_000;

function proveAuthentic(
  body: string,
  target: Exclude<Target, { kind: 'postback' }>,
  now: Date,
): Record<string, string> {
  if (target.kind === 'stripe') return { 'stripe-signature': signStripeBody(body, target.signingSecret, now) };
  if (target.kind === 'conversion') return { authorization: `Bearer ${target.key}` };
  const { authorization, hmacSecret } = target;
  return {
    ...(authorization === null ? {} : { authorization }),
    ...(hmacSecret === null
      ? {}
      : { 'x-revenuecat-webhook-signature': signRevenueCat(Buffer.from(body), hmacSecret, now) }),
  };
}

function addKey(query: string, key: string | null): string {
  return key === null ? query : `${query}&secure=${encodeURIComponent(key)}`;
}

/** fetch says only that it failed; why stands in the cause. */
function explainFailure(error: unknown): string {
  const { cause, message } = error as Error;
  const { code } = (cause ?? {}) as { code?: string };
  return code ?? message;
}
