import type { Fact, FactAmount } from '../../domain/facts.ts';
import { formatMajorAmount } from '../../domain/money.ts';
import { resolveAmount } from '../rules/amounts.ts';
import type { Catalog } from '../rules/catalog.ts';
import type { Target } from '../rules/commission.ts';
import type { Arrival } from '../orders/loaded-order.ts';
import type { CreditedOrder } from './credited-order.ts';

/** Why a message that names a referral code is credited to nobody, in words; null where it names none. */
export function explainParked(arrivals: readonly Arrival[]): string | null {
  const code = statementsOf(arrivals).find(({ evidence }) => evidence.referralCode !== undefined)?.evidence
    .referralCode;
  if (code === undefined) return null;
  return (
    `No affiliate has the referral code '${code}', and nothing else tells who referred this. It is kept, and credited by a ` +
    'later message about the order that names a known code, or by a replay of this one once the code exists.'
  );
}

/**
 * What a repeated message says otherwise than the order that it repeats, and what can be done about it, in words; null where
 * it says the same. Of calls and postbacks only: providers state one payment in many documents.
 */
export function explainRepeat(order: CreditedOrder, target: Target, arrivals: readonly Arrival[]): string | null {
  const differences = statementsOf(arrivals).flatMap((fact) => [
    ...compareAmount(order, fact),
    ...compareAffiliate(target, fact, order.catalog),
  ]);
  if (differences.length === 0) return null;
  return (
    `A conversion with this order is already recorded, and what it says stands: ${differences.join('; ')}. ` +
    `POST /api/v1/conversions/${order.id}/refunds takes off what was too much; nothing else of it is corrected by a repeat.`
  );
}

function statementsOf(arrivals: readonly Arrival[]): Fact[] {
  return arrivals.flatMap(({ event, fact }) => (event.kind === 'conversion' || event.kind === 'postback' ? fact : []));
}

function compareAmount({ summary, assumedCurrency }: CreditedOrder, fact: Fact): string[] {
  const { payment } = summary;
  const stated = amountOf(fact);
  const sent = stated && resolveAmount(stated, assumedCurrency);
  if (!payment || !sent) return [];
  if (sent.amountMinor === payment.grossMinor && sent.currency === payment.currency) return [];
  return [
    `the amount is ${format(payment.grossMinor, payment.currency)}, not ${format(sent.amountMinor, sent.currency)}`,
  ];
}

function amountOf(fact: Fact): FactAmount | null {
  if (fact.type === 'sale') return fact.gross;
  return fact.type === 'tracker' ? fact.amount : null;
}

function compareAffiliate({ affiliateId }: Target, { evidence }: Fact, catalog: Catalog): string[] {
  const { affiliate, clickId, referralCode, couponCode } = evidence;
  const sent =
    (affiliate !== undefined && catalog.affiliate(affiliate)?.id) ||
    (clickId !== undefined && catalog.click(clickId)?.affiliateId) ||
    (referralCode !== undefined && catalog.affiliate(referralCode)?.id) ||
    (couponCode !== undefined && catalog.byCoupon(couponCode)?.id) ||
    null;
  return sent === null || affiliateId === null || sent === affiliateId
    ? []
    : [`the affiliate is ${affiliateId}, not ${sent}`];
}

function format(amountMinor: bigint, currency: string): string {
  return `${formatMajorAmount(amountMinor, currency)} ${currency}`;
}
