import { randomBytes } from 'node:crypto';

/** A signing secret of an endpoint, as Standard Webhooks has them. */
export function makeSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
