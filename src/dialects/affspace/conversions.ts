import { z } from 'zod';
import { toOfferId } from '../../api/named.ts';
import { toPageRequest } from '../../api/pagination.ts';
import { notFound } from '../../domain/errors.ts';
import { findConversion, listConversions, type Conversion, type ConversionExtras } from '../../ledger/conversions.ts';
import { findOffer } from '../../program/offers.ts';
import { defineDialectRoute } from '../dialect.ts';
import { cursorPageQuery } from '../pages.ts';
import { answerData, answerPage } from './envelope.ts';
import { epochMs, offerCode, toPeriod } from './fields.ts';
import { getLimits } from './limits.ts';
import { everyStatus, ourStatuses, statusNames, toStatus } from './status.ts';

export const conversionRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/api/v1/conversions',
    auth: 'key',
    access: 'read',
    limits: getLimits,
    mayBeBehind: true,
    query: z.object({
      ...cursorPageQuery({ usual: 50, most: 500 }),
      offer_code: offerCode.optional(),
      status: z.enum(statusNames).optional(),
      start_date: epochMs.optional(),
      end_date: epochMs.optional(),
    }),
    handle: async ({ db }, { principal: { programId }, livemode, reach, query }) => {
      const filter = {
        livemode,
        statuses: query.status === undefined ? everyStatus : ourStatuses[query.status],
        earning: true,
        credited: true,
        offerId: await toOfferId(db, reach, query.offer_code),
        ...toPeriod(query),
      };
      const page = await listConversions(db, programId, filter, toPageRequest('conversions', query), shownFields);
      return answerPage('conversions', page, conversionView);
    },
  }),
  defineDialectRoute({
    method: 'get',
    path: '/api/v1/conversions/:id',
    auth: 'key',
    access: 'read',
    limits: getLimits,
    handle: async ({ db }, { principal: { programId }, livemode, reach, params }) => {
      const conversion = await findConversion(db, programId, livemode, params['id'] ?? '');
      if (!conversion?.affiliateId || conversion.status === 'merged') throw notFound('Conversion');
      const offer = conversion.offerId === null ? null : await findOffer(db, reach, conversion.offerId);
      return answerData(conversionView({ ...conversion, offerCode: offer?.code ?? null }));
    },
  }),
];

const shownFields = [
  'id',
  'offerCode',
  'orderId',
  'currency',
  'commissionCurrency',
  'netMinor',
  'commissionMinor',
  'status',
  'createdAt',
] as const;

function conversionView(conversion: Pick<Conversion & ConversionExtras, (typeof shownFields)[number]>) {
  return {
    id: conversion.id,
    offerCode: conversion.offerCode,
    vendorTxId: conversion.orderId,
    currency: conversion.currency ?? conversion.commissionCurrency,
    saleAmountCents: Number(conversion.netMinor),
    advertiserPayoutCents: Number(conversion.commissionMinor),
    status: toStatus(conversion.status),
    createdAt: Date.parse(conversion.createdAt),
  };
}
