import { AppError } from '../../domain/errors.ts';
import type { StripeSecrets, StripeSource } from '../../program/sources.ts';
import { timeOfSignature } from '../../http/audited-headers.ts';
import type { InboxMessage } from '../inbox/inbox.ts';
import type { TestSubject } from '../test-subject.ts';
import { readStripeBody } from './body.ts';
import { signStripeBody } from './sign.ts';
import { verifySignature } from './verify.ts';

/** A paid checkout of Stripe's test mode, signed with a secret of the source, verified with all of them, and read. */
export function toStripeTest(
  source: StripeSource,
  { signingSecrets }: StripeSecrets,
  subject: TestSubject,
): InboxMessage {
  const { id, clickId, email, at } = subject;
  const created = Math.floor(at.getTime() / 1_000);
  const session = {
    id: `cs_test_${id}`,
    object: 'checkout.session',
    amount_total: 1_000,
    client_reference_id: null,
    created,
    currency: 'usd',
    customer: null,
    customer_details: { email },
    livemode: false,
    metadata: clickId === null ? {} : { click_id: clickId },
    mode: 'payment',
    payment_intent: `pi_test${id}`,
    payment_status: 'paid',
    status: 'complete',
  };
  const type = 'checkout.session.completed';
  const event = { id: `evt_test${id}`, object: 'event', created, livemode: false, type, data: { object: session } };
  const raw = Buffer.from(JSON.stringify(event));
  const signature = signStripeBody(raw.toString(), signingSecrets[0] ?? '', at);
  const verdict = verifySignature(raw, signature, signingSecrets, at);
  if (!verdict.authentic) throw new AppError('CONFLICT', `The source refuses its own test: ${verdict.problem}`);
  return {
    programId: source.programId,
    sourceId: source.id,
    kind: 'stripe',
    raw,
    headers: { 'content-type': 'application/json', 'stripe-signature': timeOfSignature(signature) ?? '' },
    normalized: readStripeBody(raw, { livemode: source.livemode, receivedAt: at }),
    receivedAt: at,
  };
}
