import { keyInField } from '../domain/errors.ts';
import { findKeyIn } from '../domain/keys.ts';

/** Fields that are secret themselves, or addresses, which may carry a key of where they lead. */
const mayHoldKeys: ReadonlySet<string> = new Set([
  'signingSecrets',
  'authorization',
  'hmacSecret',
  'headers',
  'secret',
  'url',
  'targetUrl',
  'postbackUrl',
  'bodyTemplate',
  'customUrl',
  'website',
  'sourceUrl',
]);

/** Refuses what says how the hub works and has a key in the wrong field: everybody who reads that would be shown it. */
export function refuseKeysIn(body: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  const named = Object.entries(body).filter(([name]) => !mayHoldKeys.has(name));
  const found = findKeyIn(Object.fromEntries(named));
  if (found) throw keyInField(found.path);
}
