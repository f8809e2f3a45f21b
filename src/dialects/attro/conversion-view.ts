import type { Conversion, ConversionExtras } from '../../ledger/conversions.ts';
import { toMajorNumber, toSeconds } from '../values.ts';

export const statusNames = ['pending', 'approved', 'rejected', 'paid', 'reversed'] as const;
export type StatusName = (typeof statusNames)[number];

/** Ours behind each of Attro's: what was recorded and earns nothing is rejected. */
export const ourStatuses: Record<StatusName, readonly string[]> = {
  pending: ['pending'],
  approved: ['approved'],
  rejected: ['rejected', 'not_tracked'],
  paid: ['paid'],
  reversed: ['reversed'],
};
export const everyStatus = Object.values(ourStatuses).flat();

export const shownFields = [
  'id',
  'affiliateId',
  'offerId',
  'orderId',
  'netMinor',
  'currency',
  'commissionMinor',
  'commissionCurrency',
  'status',
  'createdAt',
  'note',
  'customerEmail',
  'reference',
] as const;

/** What is shown of a conversion, whether it was just recorded or is read back. */
type ShownConversion = Pick<Conversion & ConversionExtras, (typeof shownFields)[number]>;

/** A conversion as Attro shows it, with what its senders said beside the money. */
export function conversionView(conversion: ShownConversion) {
  const { note, customerEmail, reference } = conversion;
  const { currency, commissionCurrency, status } = conversion;
  return {
    id: conversion.id,
    affiliateId: conversion.affiliateId,
    offerId: conversion.offerId,
    externalId: conversion.orderId,
    externalSource: note?.['externalSource'] ?? nameSource(reference),
    amount: toMajorNumber(conversion.netMinor, currency),
    currency: currency ?? commissionCurrency,
    commission: toMajorNumber(conversion.commissionMinor, commissionCurrency),
    status: status === 'not_tracked' ? 'rejected' : status,
    customerEmail,
    metadata: note?.['metadata'] ?? null,
    createdAt: toSeconds(conversion.createdAt),
  };
}

/** The source of what did not come by Attro's API, by a reference such as `stripe:pi_1` or `rc:STORE:transaction`. */
function nameSource(reference: string | null): string {
  if (reference?.startsWith('stripe:')) return 'stripe';
  return reference?.startsWith('rc:') ? 'revenuecat' : 'api';
}
