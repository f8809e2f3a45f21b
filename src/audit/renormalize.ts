import type { Fact, Normalized } from '../domain/facts.ts';
import { parseJsonBytes } from '../domain/json-text.ts';
import { isKeylessRef } from '../domain/keyless.ts';
import type { PostbackSource, Source } from '../program/sources.ts';
import { callIdOf } from '../inbound/fields/references.ts';
import { normalizeConversion, normalizeFunnelEvent } from '../inbound/conversion/normalize.ts';
import { KEYLESS_HEADER, normalizeStoredPostback } from '../inbound/postback/normalize.ts';
import { normalizeStoredRevenueCat } from '../inbound/revenuecat/router.ts';
import { normalizeAdjustment } from '../inbound/adjustment/normalize.ts';
import { normalizeImported } from '../inbound/import/normalize.ts';
import { readStripeBody } from '../inbound/stripe/body.ts';

/** An inbox event with what its source was told. */
export interface StoredMessage {
  kind: string;
  livemode: boolean;
  raw: Buffer;
  headers: Record<string, string>;
  facts: Fact[];
  receivedAt: Date;
}

/** Names the surface whose body `raw` is, where that is not the native API's. */
export const SURFACE_HEADER = 'surface';

/**
 * Reads a stored message again: its raw bytes, with the code and the source's settings of today and the time of its
 * receipt. `null` where the stored facts stand for it: decisions, refunds, the bodies of other surfaces, a source that is
 * gone. A message that today's code refuses is `unprocessable`. Never throws.
 */
export function normalizeStored(message: StoredMessage, source: Source | null): Normalized | null {
  const { raw, headers, receivedAt, livemode } = message;
  if (headers[SURFACE_HEADER] !== undefined) return null;
  const callId = callIdOf(message.facts);
  try {
    switch (message.kind) {
      case 'conversion':
        return normalizeConversion(parseJsonBytes(raw), { livemode, receivedAt, callId });
      case 'event':
        return normalizeFunnelEvent(parseJsonBytes(raw), { livemode, receivedAt, callId });
      case 'adjustment':
        return normalizeAdjustment(parseJsonBytes(raw), { livemode });
      case 'import':
        return normalizeImported(parseJsonBytes(raw), { livemode });
      case 'stripe':
        return source?.kind === 'stripe' ? readStripeBody(raw, { livemode: source.livemode, receivedAt }) : null;
      case 'revenuecat':
        return source?.kind === 'revenuecat' ? normalizeStoredRevenueCat({ raw, headers, receivedAt }, source) : null;
      case 'postback': {
        if (source?.kind !== 'postback') return null;
        const keyless = readKeyless(message, source);
        if (keyless === undefined) return null;
        const orderScope = source.orderScope === 'source' ? source.id : null;
        const context = { livemode, receivedAt, orderScope, keyless, callId };
        return normalizeStoredPostback({ raw, headers }, source.settings, context);
      }
      default:
        return null;
    }
  } catch (error) {
    return { kind: 'unprocessable', livemode, error: error instanceof Error ? error.message : 'cannot be read' };
  }
}

/**
 * The source, if the message came without a key; null where it had one. What was said without a key stays so, whatever the
 * source asks for by now, and the other way round: undefined where nothing tells and the stored facts stand.
 */
function readKeyless({ headers, facts }: StoredMessage, source: PostbackSource): string | null | undefined {
  if (headers[KEYLESS_HEADER] !== undefined) return source.id;
  if (facts.some(({ receivedAt, refs }) => receivedAt !== undefined || refs.some(isKeylessRef))) return undefined;
  if (source.settings.requireKey) return null;
  return facts.length > 0 ? undefined : source.id;
}
