import type { Affiliate } from './affiliates.ts';

/** The affiliate as the API answers it and as webhooks carry it. */
export function affiliateView(affiliate: Affiliate) {
  return {
    id: affiliate.id,
    livemode: affiliate.livemode,
    displayName: affiliate.displayName,
    email: affiliate.email,
    type: affiliate.type,
    status: affiliate.status,
    companyName: affiliate.companyName,
    website: affiliate.website,
    paymentEmail: affiliate.paymentEmail,
    paymentMethod: affiliate.paymentMethod,
    paymentDetails: affiliate.paymentDetails,
    referralCode: affiliate.referralCode,
    couponCodes: affiliate.couponCodes,
    commissionOverride: affiliate.commissionOverride,
    postbackUrl: affiliate.postbackUrl,
    customFields: affiliate.customFields,
    activatedAt: affiliate.activatedAt?.toISOString() ?? null,
    createdAt: affiliate.createdAt.toISOString(),
    updatedAt: affiliate.updatedAt.toISOString(),
  };
}
