import { explainNotTracked } from '../../domain/outcomes.ts';
import { verdictFor as verdict, type Verdict } from './causes.ts';
import { daysBetween, nameAffiliate, tellTime, termsOf } from './sentences.ts';
import type { TracedOrder } from './trace-story.ts';

/** Why an order that is credited to somebody pays nothing, in sentences. Pure. */
export function notTracked(traced: TracedOrder): Verdict {
  const { order, names } = traced.story;
  const reason = order.reason ?? '';
  const who = order.affiliateId === null ? 'The affiliate' : nameAffiliate(order.affiliateId, traced.affiliates);
  const offer = names.offer ?? 'the offer';
  const terms = termsOf(order);
  switch (reason) {
    case 'outside_window':
      return verdict(
        'outside_window',
        outsideWindow(traced),
        'attributionWindowDays of the offer says how long clicks count; a longer one counts for new orders.',
      );
    case 'affiliate_not_active':
      return verdict(
        'affiliate_not_active',
        `${who} was not active when this counted${statusOf(traced)}, so nothing is paid.`,
        'PATCH /affiliates/ID {"status":"active"} lets later orders count; this one stays as it is.',
      );
    case 'offer_not_active':
      return verdict(
        'offer_not_active',
        `The offer ${offer} was not published when this was credited, so nothing is paid.`,
        'PATCH /offers/ID {"status":"published"} lets later orders count.',
      );
    case 'self_referral':
      return verdict(
        'self_referral',
        `${who} and the buyer have the same e-mail address: who buys by their own link earns nothing.`,
        'If they are two people, correct the e-mail of the affiliate or of the buyer: later orders count.',
      );
    case 'cpa_customer_limit':
    case 'cpa_click_limit':
      return verdict(
        'cpa_limit',
        cpaLimit(reason, offer, traced.slotHolder),
        'An offer of type cps or revshare pays more than once; a CPA offer never does.',
      );
    case 'cap_exceeded':
      return verdict(
        'cap',
        `The daily cap of ${offer}${terms && terms.dailyCap > 0 ? ` (${terms.dailyCap})` : ''} was used up${order.cap ? ` on ${order.cap.day}` : ''}.`,
        'PATCH /offers/ID {"dailyCap":N} raises it for later orders; 0 is none.',
      );
    case 'max_duration':
      return verdict(
        'duration_over',
        durationOver(traced),
        'durationMonths of the offer says for how long; null is for life, for new customers.',
      );
    case 'renewal_not_paid':
      return verdict(
        'renewal_not_paid',
        `This is a renewal, and ${offer} pays the first payment only (${terms?.commission.type ?? 'cps'}).`,
        'A revshare offer pays renewals, of customers who are credited by it.',
      );
    case 'amount_required':
      return verdict(
        'amount_required',
        `${offer} pays a percentage, and no amount is known of this order.`,
        'Send the order again under the same id with its amount and currency.',
      );
    case 'amount_invalid':
      return verdict(
        'amount_invalid',
        `The amount of this order cannot be read in its currency, or is none.`,
        'Send the order again under the same id with an amount such as 149.90 and its currency.',
      );
    case 'unknown_status':
      return verdict(
        'unknown_status',
        `The tracker sent a status word that its source does not map${wordOf(traced)}.`,
        'Add the word to `statuses` of the source, and replay the message.',
      );
    case 'imported':
      return verdict(
        'imported',
        'The system that this order was imported from has settled it: here it earns nothing.',
        null,
      );
    default:
      return verdict('message_rejected', explainNotTracked(reason) ?? `It is not paid: ${reason}.`, null);
  }
}

function outsideWindow({ story: { order, chapters }, clickedAt, affiliates }: TracedOrder): string {
  const days = termsOf(order)?.attributionWindowDays ?? null;
  const who = order.affiliateId === null ? '' : ` of ${nameAffiliate(order.affiliateId, affiliates)}`;
  const began = chapters.flatMap(({ fact }) => (fact ? [fact.beganAt ?? fact.occurredAt] : [])).sort()[0];
  const click = order.clickId ?? order.explanation?.chosen?.value ?? '';
  const age =
    clickedAt && began ? ` (${tellTime(clickedAt)}, ${daysBetween(clickedAt, began)} days before the order began)` : '';
  return `The click ${click}${who}${age} is older than the window of the offer${days === null ? '' : `, ${days} days`}.`;
}

function statusOf({ story: { order }, affiliates }: TracedOrder): string {
  const status = order.affiliateId === null ? undefined : affiliates[order.affiliateId]?.status;
  return status === undefined || status === 'active' ? '' : ` (now: ${status})`;
}

function cpaLimit(reason: string, offer: string, holder: string | null): string {
  const whose = reason === 'cpa_customer_limit' ? 'customer' : 'click';
  return `${offer} is a CPA offer and pays once for each ${whose}: this ${whose} had converted before${holder === null ? '' : `, by ${holder}`}.`;
}

function durationOver({ story: { order } }: TracedOrder): string {
  const { commission } = termsOf(order) ?? {};
  const months = commission?.type === 'revshare' ? commission.durationMonths : null;
  return `The revenue share of this customer has run out${months === null ? '' : `: it lasts ${months} months from their first payment`}.`;
}

function wordOf({ story: { chapters } }: TracedOrder): string {
  const said = chapters.flatMap(({ fact }) =>
    fact?.type === 'tracker' && fact.state === 'unknown' ? [fact.word] : [],
  );
  return said.length === 0 ? '' : `: '${said.join("', '")}'`;
}
