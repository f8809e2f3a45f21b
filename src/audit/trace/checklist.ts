import { pendingCauses, traceSteps, type TraceStep, type Verdict } from './causes.ts';
import { nameAffiliate, tellAmounts, tellEvidence, tellTerms, tellTime, termsOf } from './sentences.ts';
import type { TracedOrder } from './trace-story.ts';

export interface Check {
  step: TraceStep;
  state: 'ok' | 'failed' | 'not_reached';
  sentence: string;
}

/**
 * The way from a message to a payment, step by step: up to the verdict's all went well, there it says why not, and the others
 * were not reached. What only waits is not reached, and has not failed.
 */
export function checklistOf(verdict: Verdict, order: TracedOrder | null): Check[] {
  const at = traceSteps.indexOf(verdict.step);
  const isPaid = verdict.cause === 'paid' || (verdict.cause === 'merged' && order?.story.order.status === 'paid');
  return traceSteps.map((step, index): Check => {
    if (index < at || isPaid) return { step, state: 'ok', sentence: doneSentence(step, order) };
    if (index > at) return { step, state: 'not_reached', sentence: openSentences[step] };
    const waits = pendingCauses.has(verdict.cause) || verdict.cause === 'merged';
    return { step, state: waits ? 'not_reached' : 'failed', sentence: verdict.sentence };
  });
}

const openSentences: Readonly<Record<TraceStep, string>> = {
  arrived: 'Nothing arrived.',
  accepted: 'Whether it is authentic was not asked.',
  understood: 'It was not read.',
  attributed: 'Nobody was looked for.',
  qualified: 'No terms were applied.',
  kept: 'There is nothing to keep.',
  approved: 'It was not approved.',
  paid: 'It was not paid.',
};

function doneSentence(step: TraceStep, order: TracedOrder | null): string {
  if (!order) return doneWithoutOrder[step] ?? 'Done.';
  const { story, affiliates } = order;
  const { explanation, affiliateId } = story.order;
  const terms = termsOf(story.order);
  switch (step) {
    case 'arrived': {
      const [first] = story.chapters
        .flatMap(({ message }) => message ?? [])
        .map(({ receivedAt }) => receivedAt)
        .sort();
      return first ? `The first message came at ${tellTime(first)}.` : 'It is on record.';
    }
    case 'accepted':
      return 'It was authentic, and was stored.';
    case 'understood':
      return explanation?.amounts
        ? `A ${story.order.kind} of ${tellAmounts(explanation.amounts)}.`
        : `A ${story.order.kind ?? 'fact'} without an amount.`;
    case 'attributed': {
      const who = affiliateId === null ? 'Nobody' : nameAffiliate(affiliateId, affiliates);
      return explanation?.chosen ? `${who}, by this: ${tellEvidence(explanation.chosen)}.` : `${who}.`;
    }
    case 'qualified':
      return terms ? `${tellTerms(terms)}.` : 'It qualifies.';
    case 'kept':
      return 'Neither rejected nor taken back.';
    case 'approved':
      return story.order.approvedAt ? `Approved on ${tellTime(story.order.approvedAt)}.` : 'Approved.';
    default:
      return 'Paid.';
  }
}

const doneWithoutOrder: Readonly<Partial<Record<TraceStep, string>>> = {
  arrived: 'A request came.',
  accepted: 'It was authentic, and was stored.',
  understood: 'It was read.',
  attributed: 'It names somebody.',
};
