/** A settled conversion, as much of it as a caller that waits is told. Minor units as text, times in ISO 8601. */
export interface NoticedConversion {
  id: string;
  kind: string | null;
  status: string;
  reason: string | null;
  livemode: boolean;
  amountMinor: string;
  grossMinor: string;
  refundedMinor: string;
  currency: string | null;
  affiliateId: string | null;
  offerId: string | null;
  customerId: string | null;
  clickId: string | null;
  commissionMinor: string;
  commissionCurrency: string | null;
  createdAt: string;
}

/** What became of an inbox event that somebody waits for. */
export interface NoticedOutcome {
  id: string;
  outcome: string;
  reason: string | null;
  error: string | null;
  conversion: NoticedConversion | null;
}

/** PostgreSQL takes payloads of less than 8 000 bytes. */
const MOST_BYTES = 7_900;

/**
 * The payloads by which outcomes are announced: JSON arrays of outcomes, or, of what is too long or not at hand, of ids, by
 * which it is read.
 */
export function writeNotices(outcomes: readonly (NoticedOutcome | string)[]): string[] {
  const notices: string[] = [];
  let items: string[] = [];
  let bytes = 2;
  for (const outcome of outcomes) {
    let item = JSON.stringify(outcome);
    if (typeof outcome !== 'string' && Buffer.byteLength(item) + 3 > MOST_BYTES) item = JSON.stringify(outcome.id);
    const length = Buffer.byteLength(item) + 1;
    if (bytes + length > MOST_BYTES) {
      notices.push(`[${items.join(',')}]`);
      [items, bytes] = [[], 2];
    }
    items.push(item);
    bytes += length;
  }
  return items.length === 0 ? notices : [...notices, `[${items.join(',')}]`];
}

/** Comma-separated ids are what an older version announces. */
export function readNotice(payload: string): (NoticedOutcome | string)[] {
  return payload.startsWith('[') ? (JSON.parse(payload) as (NoticedOutcome | string)[]) : payload.split(',');
}
