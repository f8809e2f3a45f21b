import type { NoticedConversion } from '../../queue/outcome-notices.ts';
import type { OrderRow } from '../rows/order-rows.ts';

/** A conversion as it is stored, for the caller that waits for it. */
export function noticeOf(row: OrderRow): NoticedConversion {
  const { id, kind, status, reason, livemode, currency, affiliateId, offerId, customerId, clickId, createdAt } = row;
  return {
    id,
    kind,
    status,
    reason,
    livemode,
    amountMinor: String(row.netMinor),
    grossMinor: String(row.grossMinor),
    refundedMinor: String(row.refundedMinor),
    currency,
    affiliateId,
    offerId,
    customerId,
    clickId,
    commissionMinor: String(row.commissionMinor),
    commissionCurrency: row.commissionCurrency,
    createdAt,
  };
}
