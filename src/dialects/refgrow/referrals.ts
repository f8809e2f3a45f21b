import { z } from 'zod';
import { clientAddress, text } from '../../http/fields.ts';
import type { Deps } from '../../deps.ts';
import { emailPattern } from '../../domain/email.ts';
import type { AppError } from '../../domain/errors.ts';
import type { Normalized } from '../../domain/facts.ts';
import { newId } from '../../domain/ids.ts';
import type { Reach } from '../../domain/scope.ts';
import { clickOf } from '../../domain/test-clicks.ts';
import { normalizeConversion } from '../../inbound/conversion/normalize.ts';
import type { ReadOutcome } from '../../inbound/inbox/read-outcomes.ts';
import { findAffiliate, readReferralCode } from '../../program/affiliates.ts';
import { findAnyClick } from '../../program/clicks.ts';
import { answer, defineDialectRoute, type DialectAnswer } from '../dialect.ts';
import { submitRequest } from '../submit.ts';
import { blankAsNull, toMajorNumber, toSeconds } from '../values.ts';
import { invalidField, resourceNotFound } from './errors.ts';
import { referralLimits } from './limits.ts';

const newClick = z.object({
  referralCode: text(),
  sourceUrl: z.string().max(2048).nullish(),
  userAgent: z.string().max(1024).nullish(),
  ipAddress: blankAsNull(clientAddress.nullish()),
});

const newConversion = z.object({
  clickId: blankAsNull(text().nullish()),
  referralCode: blankAsNull(text().nullish()),
  amount: z.number().min(0, 'must not be negative'),
  orderId: text().nullish(),
  customer: z
    .looseObject({
      id: blankAsNull(z.union([text(), z.int()]).nullish()),
      email: blankAsNull(z.string().trim().max(254).regex(emailPattern, 'must be an e-mail address').nullish()),
    })
    .nullish(),
  products: z.array(z.unknown()).nullish(),
});
type NewConversion = z.output<typeof newConversion>;

export const referralRoutes = [
  defineDialectRoute({
    method: 'post',
    path: '/referrals/track',
    auth: 'key',
    access: 'write',
    scope: 'clicks:write',
    limits: referralLimits,
    body: newClick,
    handle: async (deps, { principal: { programId }, livemode, reach, receivedAt, body }) => {
      const affiliate = await findAffiliate(deps.db, reach, body.referralCode);
      if (!affiliate) throw resourceNotFound('Affiliate', 'referralCode');
      const clickId = newId('clk');
      await deps.clicks.record({
        id: clickId,
        programId,
        livemode,
        affiliateId: affiliate.id,
        offerId: null,
        linkId: null,
        occurredAt: receivedAt,
        sub1: null,
        sub2: null,
        sub3: null,
        sub4: null,
        sub5: null,
        utm: null,
        ip: body.ipAddress ?? null,
        userAgent: body.userAgent ?? null,
        sourceUrl: body.sourceUrl ?? null,
      });
      const { id: affiliateId, referralCode } = affiliate;
      return answer(201, {
        success: true,
        data: { clickId, referralCode, affiliateId, timestamp: toSeconds(receivedAt) },
      });
    },
  }),
  defineDialectRoute({
    method: 'post',
    path: '/referrals/convert',
    auth: 'key',
    access: 'ingest',
    scope: 'conversions:write',
    limits: referralLimits,
    body: newConversion,
    handle: async (deps, request) => {
      const { principal, livemode, receivedAt, body } = request;
      await refuseUnknownCode(deps, request.reach, body);
      const said = { ...nameReferrer(body), ...describeSale(body) };
      const normalized = addProducts(normalizeConversion(said, { livemode, receivedAt }), body.products);
      const message = { programId: principal.programId, kind: 'conversion', normalized } as const;
      const { settled } = await submitRequest(deps, request, message);
      return await answerConversion(deps, principal.programId, body, settled, receivedAt);
    },
  }),
];

/**
 * Who referred the sale, in the native names. A code alone names the affiliate; beside a click it counts only where the
 * click is too old.
 */
function nameReferrer({ clickId, referralCode }: NewConversion): object {
  if (!clickId && !referralCode) {
    throw invalidField('clickId', 'or referralCode is required', 'Either clickId or referralCode is required');
  }
  return clickId ? { clickId, referral_code: referralCode } : { affiliate_id: referralCode };
}

/** The page answers an unknown code with 404, also beside a click, where the hub itself would go by the click alone. */
async function refuseUnknownCode(
  { db }: Pick<Deps, 'db'>,
  reach: Reach,
  { clickId, referralCode }: NewConversion,
): Promise<void> {
  if (!clickId || !referralCode || (await findAffiliate(db, reach, referralCode))) return;
  const click = await findAnyClick(db, clickOf(clickId));
  throw click?.programId === reach.programId && reach.modes.includes(click.livemode)
    ? resourceNotFound('Affiliate', 'referralCode')
    : resourceNotFound('Click', 'clickId');
}

/** An amount of 0 is a conversion without money (a signup), for which offers with a fixed amount pay. */
function describeSale({ amount, orderId, customer }: NewConversion) {
  return {
    ...(amount === 0 ? {} : { amount }),
    orderId,
    customer_id: customer?.id,
    customer_email: customer?.email,
  };
}

function addProducts(normalized: Normalized, products: unknown): Normalized {
  if (normalized.kind !== 'facts' || !products) return normalized;
  return { ...normalized, facts: normalized.facts.map((fact) => ({ ...fact, note: { products } })) };
}

/**
 * A repeated `orderId` is answered with the conversion as it stands (200), since the page documents no conflict; what is
 * not settled in time is accepted without its numbers (202).
 */
async function answerConversion(
  { db }: Pick<Deps, 'db'>,
  programId: string,
  body: NewConversion,
  settled: ReadOutcome | null,
  receivedAt: Date,
): Promise<DialectAnswer> {
  if (settled?.outcome === 'rejected' || settled?.outcome === 'unprocessable') throw refuse(settled, body);
  const conversion = settled?.conversion ?? null;
  const code = conversion?.affiliateId ? await readReferralCode(db, programId, conversion.affiliateId) : null;
  const data = {
    conversionId: conversion?.id ?? null,
    affiliateId: conversion?.affiliateId ?? null,
    referralCode: code ?? body.referralCode ?? null,
    amount: conversion ? toMajorNumber(conversion.amountMinor, conversion.currency) : body.amount,
    commission: conversion ? toMajorNumber(conversion.commissionMinor, conversion.commissionCurrency) : null,
    orderId: body.orderId ?? null,
    timestamp: toSeconds(conversion?.createdAt ?? receivedAt),
  };
  const status = conversion === null ? 202 : settled?.outcome === 'duplicate' ? 200 : 201;
  return answer(status, { success: true, data });
}

function refuse({ reason, error }: ReadOutcome, body: NewConversion): AppError {
  if (reason === 'click_not_found') return resourceNotFound('Click', 'clickId');
  if (reason === 'affiliate_not_found') return resourceNotFound('Affiliate', 'referralCode');
  const message = error ?? 'The conversion was refused';
  const field = reason?.startsWith('amount') ? 'amount' : body.clickId ? 'clickId' : 'referralCode';
  const issue = reason === 'amount_required' ? 'must be positive: the offer pays a percentage' : message;
  return invalidField(field, issue, message);
}
