import type { Deps } from '../../deps.ts';
import { AppError } from '../../domain/errors.ts';
import type { Fact, Normalized } from '../../domain/facts.ts';
import { newId } from '../../domain/ids.ts';
import { isPlaceholder } from '../../domain/placeholders.ts';
import { explainNotTracked } from '../../domain/outcomes.ts';
import { isTestClick } from '../../domain/test-clicks.ts';
import { isMacro } from '../../domain/unreplaced-macros.ts';
import { digestId, orderRefs, subscriptionRef } from '../../inbound/fields/references.ts';
import type { ReadOutcome, SettledConversion } from '../../inbound/inbox/read-outcomes.ts';
import { findAnyClick } from '../../program/clicks.ts';
import { answer, defineDialectRoute, type DialectAnswer } from '../dialect.ts';
import { submitRequest } from '../submit.ts';
import { badRequest, readBody } from './errors.ts';
import { trackLimits } from './limits.ts';
import { nextSaleNumber, noteNumber } from './sale-numbers.ts';
import { readWindowDays } from './referral.ts';
import { saleBody, testSaleBody, trackingBody, type SaleBody } from './schemas.ts';
import { describeTest, isTestMode } from './test-mode.ts';
import { findWho, type Who } from './who.ts';

/**
 * `POST /track/sale`: a payment of a customer who is known by key or click.
 * https://docs.affitor.com/api-reference/track-sale, read 2026-11.
 */
export const saleRoute = defineDialectRoute({
  method: 'post',
  path: ['/api/v1/track/sale', '/api/tracking/sale'],
  auth: 'key',
  access: 'ingest',
  scope: 'conversions:write',
  limits: trackLimits,
  body: trackingBody,
  handle: async (deps, request) => {
    const { programId } = request.principal;
    const test = isTestMode(request.body);
    const body = readBody(test ? testSaleBody : saleBody, request.body);
    const livemode = request.livemode && !test && !(body.click_id && isTestClick(body.click_id));
    const who = await findWho(deps.db, { programId, livemode }, body);
    if (!test) refuseUnknown(who);
    const number = await nextSaleNumber(deps.db, programId);
    const product = body.product_id ? { productId: body.product_id } : {};
    const sale = { ...toSale(body, who, request.receivedAt), note: { ...noteNumber(number), ...product } };
    const normalized: Normalized = { kind: 'facts', livemode, facts: [sale] };
    const { id, settled } = await submitRequest(deps, request, { programId, kind: 'conversion', normalized });
    const told = test ? await describeTest(deps.db, 'sale', programId, id) : {};
    return await answerSale(deps, programId, settled, number, { test, told, now: request.receivedAt });
  },
});

/** A sale that cannot be credited is not stored: the caller may send it again once the customer is known. */
function refuseUnknown({ clickId, customer }: Who): void {
  if (clickId === null && !customer) throw badRequest('Customer not found. Provide customer_key or click_id.');
  if (clickId === null && creditedTo(customer) === null) throw badRequest(NOT_ATTRIBUTED);
}

function creditedTo(customer: Who['customer']): string | null {
  return customer?.affiliateId ?? customer?.leadAffiliateId ?? null;
}

const NOT_ATTRIBUTED = 'No affiliate attribution found for this customer in this program';

function toSale(body: SaleBody, { clickId, customer, refs }: Who, receivedAt: Date): Fact {
  const orders = orderRefs(body.transaction_id ?? newId('ibx').replace(/^ibx_/, 'test_txn_'), null);
  const named = body.subscription_id ?? '';
  const subscription = named === '' || isPlaceholder(named) || isMacro(named) ? null : subscriptionRef(named);
  const evidence = clickId === null ? {} : { clickId };
  const buyer = { refs: subscription?.startsWith('stripe:') ? [...refs, subscription] : refs, email: null };
  const common = {
    id: digestId('affitor-sale', [orders, body.amount_cents, body.currency, subscription, body.is_recurring]),
    refs: orders,
    occurredAt: receivedAt.toISOString(),
    customer: buyer.refs.length > 0 ? buyer : null,
    evidence,
    goal: 'purchase',
  };
  // Only test records may come without an amount.
  if (typeof body.amount_cents !== 'number') return { ...common, type: 'action' };
  const amount = { minor: body.amount_cents, currency: body.currency ?? 'USD' };
  // A recurring payment of a customer who is credited to nobody yet is the first that the hub knows of. What a visitor's lead
  // says of the customer changes nothing of a sale that names a click itself.
  const credited = clickId === null ? creditedTo(customer) : (customer?.affiliateId ?? null);
  const isRenewal = body.is_recurring === true && credited !== null;
  const phase = isRenewal ? 'recurring' : subscription ? 'subscription' : 'one_off';
  return { ...common, type: 'sale', document: 'api', gross: amount, net: amount, phase, subscription };
}

async function answerSale(
  { db }: Pick<Deps, 'db'>,
  programId: string,
  settled: ReadOutcome | null,
  number: number,
  { test, told, now }: { test: boolean; told: object; now: Date },
): Promise<DialectAnswer> {
  const conversion = settled?.conversion ?? null;
  switch (settled?.outcome) {
    case 'duplicate':
      throw new AppError('CONFLICT', 'Duplicate transaction_id. This sale has already been recorded.');
    case 'rejected':
    case 'unprocessable':
      if (!test) throw badRequest(settled.error ?? 'The sale was refused');
      break;
    case 'parked':
      if (!test) throw badRequest(NOT_ATTRIBUTED);
      break;
    default:
  }
  // Stored, with no result in time: a retry would be answered 409.
  if (!conversion) {
    return answer(200, { success: true, sale_id: null, commission_id: null, message: 'Sale accepted', ...told });
  }
  if (conversion.reason === 'outside_window') {
    return answer(200, { ...(await describeExpired(db, programId, conversion, now)), sale_id: number, ...told });
  }
  const earns = conversion.affiliateId !== null && conversion.status !== 'not_tracked';
  return answer(200, {
    success: true,
    sale_id: number,
    commission_id: earns ? number : null,
    message: earns
      ? 'Sale tracked successfully'
      : `Sale tracked, no commission created. ${explainNotTracked(conversion.reason ?? '') ?? ''}`.trim(),
    ...told,
  });
}

/** A click past its window: the sale is recorded, and nobody is credited. */
async function describeExpired(db: Deps['db'], programId: string, conversion: SettledConversion, now: Date) {
  const click = conversion.clickId === null ? null : await findAnyClick(db, conversion.clickId);
  return {
    success: true,
    attributed: false,
    reason: 'attribution_window_expired',
    click_age_days: click && Math.floor((now.getTime() - click.occurredAt.getTime()) / 86_400_000),
    window_days: await readWindowDays(db, programId, conversion.offerId),
    commission_id: null,
    message: 'Sale tracked — attribution window expired, no commission created',
  };
}
