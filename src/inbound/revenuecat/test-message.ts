import { AppError } from '../../domain/errors.ts';
import type { RevenuecatSecrets, RevenuecatSource } from '../../program/sources.ts';
import { timeOfSignature } from '../../http/audited-headers.ts';
import type { InboxMessage } from '../inbox/inbox.ts';
import type { TestSubject } from '../test-subject.ts';
import { normalizeStoredRevenueCat } from './router.ts';
import { findForgery, signRevenueCat } from './verify.ts';

/** A purchase of the sandbox, with the header and the signature that the source asks for, verified, and read. */
export function toRevenueCatTest(
  source: RevenuecatSource,
  secrets: RevenuecatSecrets,
  { id, clickId, email, at }: TestSubject,
): InboxMessage {
  const atMs = at.getTime();
  const attribute = (value: string) => ({ value, updated_at_ms: atMs });
  const event = {
    id: `test-${id}`,
    type: 'NON_RENEWING_PURCHASE',
    environment: 'SANDBOX',
    event_timestamp_ms: atMs,
    purchased_at_ms: atMs,
    app_user_id: `test-user-${id}`,
    original_app_user_id: `test-user-${id}`,
    aliases: [],
    product_id: 'test',
    period_type: 'NORMAL',
    store: 'APP_STORE',
    transaction_id: `test-${id}`,
    original_transaction_id: `test-${id}`,
    currency: 'USD',
    price: 10,
    price_in_purchased_currency: 10,
    tax_percentage: 0,
    commission_percentage: 0.3,
    takehome_percentage: 0.7,
    subscriber_attributes: {
      $email: attribute(email),
      ...(clickId === null ? {} : { click_id: attribute(clickId) }),
    },
  };
  const raw = Buffer.from(JSON.stringify({ api_version: '1.0', event }));
  const signature = secrets.hmacSecret === null ? undefined : signRevenueCat(raw, secrets.hmacSecret, at);
  // As Node reads the header.
  const authorization = secrets.authorization === null ? undefined : toHeader(secrets.authorization);
  const forgery = findForgery({ body: raw, authorization, signature }, secrets, at);
  if (forgery !== null) throw new AppError('CONFLICT', `The source refuses its own test: ${forgery.problem}`);
  const time = timeOfSignature(signature);
  const headers = {
    'content-type': 'application/json',
    ...(time === undefined ? {} : { 'x-revenuecat-webhook-signature': time }),
  };
  return {
    programId: source.programId,
    sourceId: source.id,
    kind: 'revenuecat',
    raw,
    headers,
    normalized: normalizeStoredRevenueCat({ raw, headers, receivedAt: at }, source),
    receivedAt: at,
  };
}

function toHeader(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
