import { z } from 'zod';
import { like } from '../conformance.ts';

/** The examples of Attro's page, and the shapes that answers like them have. */

// The page's dates have no milliseconds.
export const date = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const maybeText = z.string().nullable();
export const fields = { createdAt: date, companyName: maybeText, description: maybeText, website: maybeText };

export const affiliateExample = {
  id: 'aff_abc123',
  companyName: 'Acme Corp',
  displayName: 'John Smith',
  email: 'john@acme.example',
  type: 'external',
  status: 'active',
  createdAt: '2026-01-15T10:30:00Z',
};
export const pagination = { total: 45, limit: 20, offset: 0, hasMore: true };
export const affiliates = like({ data: [affiliateExample], pagination }, fields);
export const wholeAffiliate = like(
  { data: { ...affiliateExample, website: maybeText, paymentEmail: maybeText, commissionOverride: z.unknown() } },
  fields,
);
export const newAffiliate = {
  companyName: 'Acme Corp',
  displayName: 'John Smith',
  email: 'john@acme.example',
  type: 'external',
  website: 'https://acme.com',
  paymentEmail: 'pay@acme.example',
};

export const offerExample = {
  id: 'off_abc123',
  name: 'Premium Subscription',
  url: 'https://yourapp.com/premium',
  description: 'Our flagship product',
  defaultCommissionType: 'percentage',
  defaultCommissionValue: 20,
  attributionWindowDays: 30,
  dailyCap: 100,
  isActive: true,
  createdAt: '2026-01-20T14:00:00Z',
};
export const offers = like({ data: [offerExample], pagination }, fields);
export const newOffer = {
  name: 'Premium Subscription',
  url: 'https://yourapp.com/premium',
  description: 'Our flagship product',
  defaultCommissionType: 'percentage',
  defaultCommissionValue: 20,
  attributionWindowDays: 30,
  dailyCap: 100,
  isActive: true,
};

export const linkExample = {
  id: 'link_def456',
  affiliateId: 'aff_abc123',
  offerId: 'off_xyz789',
  code: 'a1b2c3d4',
  trackingUrl: 'https://get-attro.com/r/a1b2c3d4',
  destinationUrl: 'https://yourapp.com/special-promo',
  clicks: 0,
  conversions: 0,
  createdAt: '2026-01-20T14:00:00Z',
};
export const links = like({ data: [linkExample], pagination }, fields);

export const conversionExample = {
  id: 'cnv_1',
  affiliateId: 'aff_abc123',
  offerId: 'off_xyz789',
  externalId: 'your-transaction-id-12345',
  externalSource: 'custom_checkout',
  amount: 99,
  currency: 'USD',
  commission: 19.8,
  status: 'pending',
  customerEmail: maybeText,
  metadata: z.record(z.string(), z.unknown()).nullable(),
  createdAt: '2026-01-20T14:00:00Z',
};
export const conversions = like({ data: [conversionExample], pagination }, fields);
export const newConversion = (program: { affiliateId: string; offerId: string }) => ({
  affiliateId: program.affiliateId,
  offerId: program.offerId,
  externalId: 'your-transaction-id-12345',
  externalSource: 'custom_checkout',
  amount: 99.0,
  currency: 'USD',
  customerEmail: 'customer@buyer.example',
  metadata: { plan: 'premium', period: 'annual' },
});
