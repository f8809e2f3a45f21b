import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** Signs the attempts to one endpoint, with every secret that is valid at the time. */
export interface Signer {
  /** The headers by which a receiver knows who sent what and when. `at` is the attempt's time. */
  sign(messageId: string, at: Date, body: string): Record<string, string>;
}

/**
 * Standard Webhooks 1.0 (https://www.standardwebhooks.com, read 2026-11): HMAC-SHA256 over `id.timestamp.body`, to the
 * byte what the svix library makes, which hashes in JavaScript (measured: 10 µs a message of 700 bytes, against 3). The same
 * values go out as `webhook-*` and `svix-*`, so that both verifying libraries work.
 * While a secret is being rotated, `secrets` has the new and the old one and both sign.
 */
export function createSigner(secrets: readonly [string, ...string[]]): Signer {
  const keys = secrets.map(readKey);
  return {
    sign(messageId, at, body) {
      const timestamp = String(Math.floor(at.getTime() / 1000));
      const content = `${messageId}.${timestamp}.${body}`;
      const signature = keys.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`).join(' ');
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

/** `whsec_` and the key in base64. */
function readKey(secret: string): KeyObject {
  return createSecretKey(secret.replace(/^whsec_/, ''), 'base64');
}
