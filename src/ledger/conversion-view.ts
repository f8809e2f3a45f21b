import { commissionIdOf } from '../domain/ids.ts';

/** What the two views of an order are made of. Times are ISO 8601 UTC, amounts integer minor units. */
export interface ViewedOrder {
  id: string;
  livemode: boolean;
  kind: string | null;
  status: string;
  reason: string | null;
  netMinor: bigint;
  grossMinor: bigint;
  refundedMinor: bigint;
  currency: string | null;
  affiliateId: string | null;
  offerId: string | null;
  customerId: string | null;
  clickId: string | null;
  orderId: string | null;
  goal: string | null;
  commissionMinor: bigint;
  commissionCurrency: string | null;
  occurredAt: string | null;
  /** Why nobody may be paid before a person decided; null: nothing is open. */
  review: { reasons: string[]; grounds: string[]; since: string } | null;
  paidAt: string | null;
  createdAt: string;
}

/** The conversion as the API answers it and as webhooks carry it: the same in both. */
export function conversionView(order: ViewedOrder) {
  return {
    id: order.id,
    kind: order.kind,
    status: order.status,
    reason: order.reason,
    amountMinor: Number(order.netMinor),
    grossMinor: Number(order.grossMinor),
    refundedMinor: Number(order.refundedMinor),
    currency: order.currency,
    livemode: order.livemode,
    affiliateId: order.affiliateId,
    offerId: order.offerId,
    customerId: order.customerId,
    clickId: order.clickId,
    orderId: order.orderId,
    goal: order.goal,
    commission:
      order.affiliateId === null
        ? null
        : {
            id: commissionIdOf(order.id),
            amountMinor: Number(order.commissionMinor),
            currency: order.commissionCurrency,
            status: order.status,
          },
    occurredAt: order.occurredAt,
    createdAt: order.createdAt,
  };
}

/** The commission of the same order. */
export function commissionView(order: ViewedOrder) {
  return {
    id: commissionIdOf(order.id),
    conversionId: order.id,
    affiliateId: order.affiliateId,
    amountMinor: Number(order.commissionMinor),
    currency: order.commissionCurrency,
    status: order.status,
    reason: order.reason,
    review: order.review && { reasons: order.review.reasons, since: order.review.since },
    livemode: order.livemode,
    createdAt: order.createdAt,
    paidAt: order.paidAt,
  };
}
