import type { Affiliate } from './affiliates.ts';
import { foldCode } from '../domain/codes.ts';

/** The affiliate as the API answers it and as webhooks carry it. */
export function affiliateView(affiliate: Affiliate, publicUrl: string) {
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
    trackingUrl: ownLink(affiliate, publicUrl),
    couponCodes: affiliate.couponCodes,
    commissionOverride: affiliate.commissionOverride,
    postbackUrl: affiliate.postbackUrl,
    customFields: affiliate.customFields,
    activatedAt: affiliate.activatedAt?.toISOString() ?? null,
    createdAt: affiliate.createdAt.toISOString(),
    updatedAt: affiliate.updatedAt.toISOString(),
  };
}

/** The affiliate's own link, which leads to the default offer; in the spelling of the referral code. */
function ownLink({ referralCode, linkCode }: Affiliate, publicUrl: string): string {
  return `${publicUrl}/r/${encodeURIComponent(foldCode(referralCode) === linkCode ? referralCode : linkCode)}`;
}
