import { verdictFor as verdict, type Verdict } from './causes.ts';
import { messageVerdict, refusalVerdict } from './message-verdict.ts';
import { orderVerdict } from './order-verdict.ts';
import { nameAffiliate, tellTime } from './sentences.ts';
import type { Elsewhere, TraceStory } from './trace-story.ts';

/**
 * Why what somebody asks for earns what it earns: of the newest order that it names, else of what came and made none, else of
 * what was turned away, else of the other mode. Pure: a function of what was loaded.
 */
export function verdictOf(story: TraceStory): Verdict {
  const [order] = story.orders;
  if (order) {
    const told = orderVerdict(order, story);
    const { id } = order.story.order;
    if (story.asked?.outcome === 'duplicate') return duplicate(story.asked.error, id, told);
    if (story.mergedFrom === null) return told;
    const sentence = `${story.mergedFrom} turned out to be the same order as ${id}, which has all of it. ${told.sentence}`;
    return { ...told, cause: 'merged', sentence, advice: told.advice ?? `Look up ${id}.` };
  }
  const [message] = story.asked ? [story.asked] : story.messages;
  if (message) return messageVerdict(message);
  const [refusal] = story.refusals;
  if (refusal) return refusalVerdict(refusal);
  if (story.elsewhere) return otherMode(story.elsewhere);
  if (story.subject?.kind === 'click') return clickWithoutSale(story.subject);
  const named = story.subject
    ? `It is known (${nameAffiliate(story.subject.affiliateId, {})}, ${story.subject.affiliateName}), but n`
    : 'N';
  return verdict(
    'nothing_arrived',
    `${named}othing arrived under this name in ${story.livemode ? 'live' : 'test'} mode.`,
    "Look at the sender's own log of this sale: was it sent, to which URL, and what was the answer? Look up another of its ids (order, payment, e-mail), too.",
  );
}

function duplicate(error: string | null, orderId: string, told: Verdict): Verdict {
  const differs = error ?? `It says again what is known of ${orderId}.`;
  return verdict(
    'duplicate',
    `This message repeats an order. ${differs} ${told.sentence}`,
    told.advice ?? `Look up ${orderId}.`,
  );
}

const arrived: Readonly<Record<Elsewhere['kind'], string>> = {
  order: 'The order is here',
  message: 'A message that names it came',
  click: 'The click is here',
};

function otherMode({ kind, livemode }: Elsewhere): Verdict {
  const [there, asked] = livemode ? ['live', 'test'] : ['test', 'live'];
  const how = livemode
    ? 'it came by a live key or from the live mode of the provider'
    : "it came by a test key, with a test click, or from the provider's test mode";
  return verdict(
    'other_mode',
    `${arrived[kind]}, but in ${there} mode: ${how}. Nothing is known of it in ${asked} mode.`,
    `Look it up with a ${there} key. To count in ${asked} mode it has to be sent with a ${asked} key and a ${asked} click.`,
  );
}

function clickWithoutSale({
  value,
  affiliateName,
  affiliateId,
  occurredAt,
}: NonNullable<TraceStory['subject']>): Verdict {
  const when = occurredAt === null ? '' : ` of ${tellTime(occurredAt)}`;
  return verdict(
    'click_without_sale',
    `The click ${value}${when} is known, of ${affiliateName} (${affiliateId}), but no sale that names it arrived.`,
    'See that the click id gets into the checkout: as click_id in the metadata or the call, or as client_reference_id. The guide on links shows how.',
  );
}
