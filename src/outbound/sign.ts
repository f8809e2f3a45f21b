import { Webhook } from 'svix';

/** Signs the attempts to one endpoint, with every secret that is valid at the time. */
export interface Signer {
  /** The headers by which a receiver knows who sent what and when. `at` is the attempt's time. */
  sign(messageId: string, at: Date, body: string): Record<string, string>;
}

/**
 * Standard Webhooks 1.0 (https://www.standardwebhooks.com, read 2026-11): HMAC-SHA256 over `id.timestamp.body`, made by
 * the svix library. The same values go out as `webhook-*` and `svix-*`, so that both verifying libraries work.
 * While a secret is being rotated, `secrets` has the new and the old one and both sign.
 */
export function createSigner(secrets: readonly [string, ...string[]]): Signer {
  const webhooks = secrets.map((secret) => new Webhook(secret));
  return {
    sign(messageId, at, body) {
      const timestamp = String(Math.floor(at.getTime() / 1000));
      const signature = webhooks.map((webhook) => webhook.sign(messageId, at, body)).join(' ');
      return {
        'webhook-id': messageId,
        'webhook-timestamp': timestamp,
        'webhook-signature': signature,
        'svix-id': messageId,
        'svix-timestamp': timestamp,
        'svix-signature': signature,
      };
    },
  };
}
