/** What an adjustment is shown by. Times are ISO 8601 UTC, amounts integer minor units. */
export interface ViewedAdjustment {
  id: string;
  livemode: boolean;
  affiliateId: string | null;
  commissionMinor: bigint;
  commissionCurrency: string | null;
  /** pipeline/rules/commission.ts writes it. */
  explanation: { adjustment?: { reason: string; reference: string | null; by: string } } | null;
  occurredAt: string | null;
  createdAt: string;
}

/** The payout that an adjustment is in, unless that failed. */
export interface AdjustmentPayout {
  id: string;
  status: string;
}

/** The adjustment as the API answers it and as webhooks carry it. */
export function adjustmentView(order: ViewedAdjustment, payout: AdjustmentPayout | null = null) {
  const { reason, reference, by } = order.explanation?.adjustment ?? { reason: '', reference: null, by: '' };
  return {
    id: order.id,
    affiliateId: order.affiliateId,
    amountMinor: Number(order.commissionMinor),
    currency: order.commissionCurrency,
    status: payout?.status === 'paid' ? 'paid' : 'approved',
    reason,
    reference,
    createdBy: by,
    payoutId: payout?.id ?? null,
    livemode: order.livemode,
    occurredAt: order.occurredAt,
    createdAt: order.createdAt,
  };
}
