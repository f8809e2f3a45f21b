import { Stripe } from 'stripe';

/**
 * The `Stripe-Signature` header for a body, made by stripe-node as Stripe makes it: for `tributary send` and tests. The
 * secret is one of the source's `signingSecrets`; the time is now, unless said.
 */
export function signStripeBody(body: string, signingSecret: string, signedAt: Date = new Date()): string {
  return Stripe.webhooks.generateTestHeaderString({
    payload: body,
    secret: signingSecret,
    timestamp: Math.floor(signedAt.getTime() / 1000),
  });
}
