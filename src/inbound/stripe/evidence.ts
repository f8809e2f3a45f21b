import type { Evidence } from '../../domain/facts.ts';
import { type Metadata, optionalText } from './schemas.ts';

export interface EvidenceSources {
  /** In the order of their weight: for each key the first that has it counts. */
  metadata: Metadata[];
  clientReferenceId?: string | null;
  /** The names of each discount. */
  discounts?: string[][];
}

/**
 * The evidence of who referred it: `affiliate_id`, `click_id` or `affiliate_session_id` (a click id too) and `coupon_code`
 * of the metadata, `client_reference_id`, and what discounts are called. Empty text counts as absent.
 */
export function readEvidence(sources: EvidenceSources): Evidence {
  const affiliate = readKey(sources.metadata, 'affiliate_id');
  const clickId = readKey(sources.metadata, 'click_id') ?? readKey(sources.metadata, 'affiliate_session_id');
  const reference = sources.clientReferenceId ?? null;
  const couponCode = readKey(sources.metadata, 'coupon_code');
  const discounts = [...new Set(sources.discounts?.flat())];
  return {
    ...(affiliate === null ? {} : { affiliate }),
    ...(clickId === null ? {} : { clickId }),
    ...(reference === null ? {} : { reference }),
    ...(couponCode === null ? {} : { couponCode }),
    ...(discounts.length === 0 ? {} : { discounts }),
  };
}

export function isEmptyEvidence(evidence: Evidence): boolean {
  return Object.keys(evidence).length === 0;
}

function readKey(metadata: Metadata[], key: string): string | null {
  for (const each of metadata) {
    const text = optionalText.parse(each[key]);
    if (text !== null) return text;
  }
  return null;
}
