import type { SecretBox } from '../../db/secret-box.ts';
import type { EndpointRow } from '../endpoints/destination-rows.ts';
import { placeOf } from '../endpoints/endpoint-rows.ts';
import type { AddressGuard } from '../guard/address-guard.ts';
import { BREAKER_THRESHOLD } from '../wire/schedule.ts';
import { createSigner, type Signer } from '../wire/sign.ts';

/** Where and how to send to an endpoint, as its row says now. */
export interface Destination {
  id: string;
  programId: string;
  kind: 'webhook' | 'rest_hook' | 'postback';
  rateLimitPerSecond: number | null;
  /** It failed since its last success. */
  failing: boolean;
  /** It failed so often that the breaker lets one delivery at a time through. */
  halfOpen: boolean;
  /** Null for a postback: each of its deliveries has a URL of its own. */
  url: URL | null;
  headers: Record<string, string>;
  /** Null for a postback. `at` decides whether a secret that was rotated out still signs. */
  signerAt: ((at: Date) => Signer) | null;
  /**
   * Why nothing can be sent. `internal`: our fault, such as a secret that does not open; `refused`: the guard forbids
   * the URL.
   */
  problem: { kind: 'internal' | 'refused'; text: string } | null;
}

type Prepared = Pick<Destination, 'url' | 'headers' | 'signerAt' | 'problem'>;

/** Decrypts and parses once for each version of an endpoint. */
export class DestinationLoader {
  readonly #secrets: SecretBox;
  readonly #guard: AddressGuard;
  readonly #prepared = new Map<string, { version: string; value: Prepared }>();

  constructor(secrets: SecretBox, guard: AddressGuard) {
    this.#secrets = secrets;
    this.#guard = guard;
  }

  async load(rows: readonly EndpointRow[]): Promise<Map<string, Destination>> {
    const destinations = new Map<string, Destination>();
    for (const row of rows) {
      const { id, programId, kind, rateLimitPerSecond, failing } = row;
      const prepared = await this.#prepare(row);
      const halfOpen = row.failures >= BREAKER_THRESHOLD;
      destinations.set(id, { id, programId, kind, rateLimitPerSecond, failing, halfOpen, ...prepared });
    }
    return destinations;
  }

  async #prepare(row: EndpointRow): Promise<Prepared> {
    const version = JSON.stringify([row.url, row.headers, row.secret, row.previousSecret, row.previousSecretExpiresAt]);
    const known = this.#prepared.get(row.id);
    if (known?.version === version) return known.value;
    const value = await prepareDestination(row, this.#secrets, this.#guard);
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear();
    this.#prepared.set(row.id, { version, value });
    return value;
  }
}

const MAX_PREPARED = 10_000;

async function prepareDestination(row: EndpointRow, secrets: SecretBox, guard: AddressGuard): Promise<Prepared> {
  try {
    const headers =
      row.headers === null
        ? {}
        : (JSON.parse(await secrets.open(row.headers, placeOf('headers', row.id))) as Record<string, string>);
    if (row.kind === 'postback') return { url: null, headers, signerAt: null, problem: null };
    const check = guard.checkUrl(row.url);
    return {
      url: check.ok ? check.url : null,
      headers,
      signerAt: await prepareSigners(row, secrets),
      problem: check.ok ? null : { kind: 'refused', text: `the URL ${check.problem}` },
    };
  } catch (error) {
    return { url: null, headers: {}, signerAt: null, problem: { kind: 'internal', text: (error as Error).message } };
  }
}

async function prepareSigners(row: EndpointRow, secrets: SecretBox): Promise<(at: Date) => Signer> {
  const current = await secrets.open(row.secret ?? '', placeOf('secret', row.id));
  const signer = createSigner([current]);
  const { previousSecret, previousSecretExpiresAt } = row;
  if (previousSecret === null || previousSecretExpiresAt === null) return () => signer;
  const expiresAt = new Date(previousSecretExpiresAt);
  const both = createSigner([current, await secrets.open(previousSecret, placeOf('previous_secret', row.id))]);
  return (at) => (at < expiresAt ? both : signer);
}
