import type { Fact, FactAmount } from '../../domain/facts.ts';
import { commissionIdOf } from '../../domain/ids.ts';
import { formatMajorAmount } from '../../domain/money.ts';
import { resolveAmount } from '../rules/amounts.ts';
import type { Catalog } from '../rules/catalog.ts';
import type { Target } from '../rules/commission.ts';
import type { EvidenceKind } from '../rules/evidence.ts';
import type { Arrival } from '../orders/loaded-order.ts';
import type { CreditedOrder } from './credited-order.ts';

/** Why a message that names codes is credited to nobody, in words; null where it names none. */
export function explainParked({ catalog }: CreditedOrder, arrivals: readonly Arrival[]): string | null {
  const unknown = nameUnknownCodes(statementsOf(arrivals), catalog);
  return (
    unknown &&
    `No ${unknown}, and nothing else tells who referred this. It is kept: ${WHAT_CREDITS}, and so does a replay of this one ` +
      'once the code exists.'
  );
}

const WHAT_CREDITS = 'a later message about the order that names a known code or affiliate credits it';

/** What a repeat says otherwise than the order that it repeats, and how that is corrected. */
interface Difference {
  said: string;
  correction: string | null;
}

/**
 * What a repeated message says otherwise than the order that it repeats, and what can be done about it, in words; null where
 * it says the same of an order that is credited. Of calls and postbacks only: providers state one payment in many documents.
 */
export function explainRepeat(order: CreditedOrder, target: Target, arrivals: readonly Arrival[]): string | null {
  const statements = statementsOf(arrivals);
  if (statements.length === 0) return null;
  const differences = statements.flatMap((fact) => [
    ...compareAmount(order, target, fact),
    ...compareAffiliate(order, target, fact),
  ]);
  const unknown = nameUnknownCodes(statements, order.catalog);
  const said = differences.map((one) => one.said).concat(unknown === null ? [] : `no ${unknown}`);
  const corrections = new Set(differences.flatMap(({ correction }) => correction ?? []));
  if (target.status === 'parked') corrections.add(`It is credited to nobody yet: ${WHAT_CREDITS}`);
  if (said.length === 0 && corrections.size === 0) return null;
  const stands = said.length === 0 ? '' : `, and what it says stands: ${said.join('; ')}`;
  return [`A conversion with this order is already recorded${stands}`, ...corrections, ''].join('. ').trimEnd();
}

function statementsOf(arrivals: readonly Arrival[]): Fact[] {
  return arrivals.flatMap(({ event, fact }) => (event.kind === 'conversion' || event.kind === 'postback' ? fact : []));
}

function nameUnknownCodes(statements: readonly Fact[], catalog: Catalog): string | null {
  const unknown = statements.flatMap(({ evidence: { referralCode, couponCode } }) => [
    ...(referralCode !== undefined && !catalog.affiliate(referralCode) ? [`the referral code '${referralCode}'`] : []),
    ...(couponCode !== undefined && !catalog.byCoupon(couponCode) ? [`the coupon code '${couponCode}'`] : []),
  ]);
  return unknown.length === 0 ? null : `affiliate has ${[...new Set(unknown)].join(' or ')}`;
}

function compareAmount(order: CreditedOrder, target: Target, fact: Fact): Difference[] {
  const { payment, refundedMinor } = order.summary;
  const stated = amountOf(fact);
  const sent = stated && resolveAmount(stated, order.assumedCurrency);
  if (!payment || !sent) return [];
  const { grossMinor, currency } = payment;
  if (sent.amountMinor === grossMinor && sent.currency === currency) return [];
  const refunded = refundedMinor > 0n ? ` (${format(refundedMinor, currency)} of it refunded)` : '';
  return [
    {
      said: `the amount is ${format(grossMinor, currency)}${refunded}, not ${format(sent.amountMinor, sent.currency)}`,
      correction:
        sent.currency === currency
          ? correct(order, target, `{"amountMinor":${sent.amountMinor},"reason":"…"} corrects it`)
          : reportAnew(order, target),
    },
  ];
}

/** By a person, which is stronger than what any message says. A rejection is final. */
function correct(order: CreditedOrder, target: Target, bodyAndEffect: string): string {
  if (target.status === 'rejected' || target.reason === 'imported') return reportAnew(order, target);
  return `POST /api/v1/conversions/${order.id}/corrections ${bodyAndEffect}`;
}

function amountOf(fact: Fact): FactAmount | null {
  if (fact.type === 'sale') return fact.gross;
  return fact.type === 'tracker' ? fact.amount : null;
}

function compareAffiliate(order: CreditedOrder, target: Target, { evidence }: Fact): Difference[] {
  const { affiliate, clickId, referralCode, couponCode } = evidence;
  const { catalog } = order;
  const sent =
    (affiliate !== undefined && catalog.affiliate(affiliate)?.id) ||
    (clickId !== undefined && catalog.click(clickId)?.affiliateId) ||
    (referralCode !== undefined && catalog.affiliate(referralCode)?.id) ||
    (couponCode !== undefined && catalog.byCoupon(couponCode)?.id) ||
    null;
  const { affiliateId } = target;
  if (sent === null || affiliateId === null || sent === affiliateId) return [];
  const correction = wouldYieldToName(order)
    ? `A message about the order that names ${sent} by affiliateId credits them`
    : correct(order, target, `{"affiliateId":"${sent}","reason":"…"} credits them`);
  return [{ said: `the affiliate is ${affiliateId}, not ${sent}`, correction }];
}

const yielding: ReadonlySet<EvidenceKind> = new Set(['click', 'referral_code', 'reference', 'anonymous_lead']);

/** Whether an affiliate whom a caller names with a key would be credited instead: as `weighEvidence` and `chooseCandidate` rank. */
function wouldYieldToName({ credit, summary, paidTo, catalog }: CreditedOrder): boolean {
  const by = credit.chosen?.by;
  if (by === undefined || summary.keyless || paidTo.length > 0) return false;
  if (by === 'binding') return credit.kind !== 'renewal';
  return by === 'coupon' ? !catalog.program.couponFirst : yielding.has(by);
}

/** What no message about the order corrects: it is taken back, where it still can be, and told of by another id. */
function reportAnew({ id, paidTo }: CreditedOrder, { status }: Target): string {
  if (status === 'paid' || paidTo.length > 0) return 'It is in a payout, and stays as it is';
  const anew = 'another order id reports it anew';
  if (status !== 'pending' && status !== 'approved') return `${anew[0]?.toUpperCase()}${anew.slice(1)}`;
  return `PATCH /api/v1/commissions/${commissionIdOf(id)} {"status":"rejected"} takes it back, and ${anew}`;
}

function format(amountMinor: bigint, currency: string): string {
  return `${formatMajorAmount(amountMinor, currency)} ${currency}`;
}
