import type { Fact } from '../../domain/facts.ts';
import type { Story, StoryMessage, StoryPosting } from '../stories.ts';
import type { RefusedRequest } from './refused-requests.ts';
import type { Understood } from './understood.ts';

/** All that was found about what somebody asks for: what the verdict is made of. Times are ISO 8601 UTC. */
export interface TraceStory {
  query: string;
  livemode: boolean;
  now: string;
  /** Evidence that the query names: whoever it speaks for may not be who was credited. */
  subject: Subject | null;
  /** The message that the query is the id of. */
  asked: TracedMessage | null;
  /** The conversion that the query is the id of, where it turned out to be the first of `orders`. */
  mergedFrom: string | null;
  /** Orders that the query names, the newest first; of more than a handful only those. */
  orders: TracedOrder[];
  /** Messages that name it and made no order, the newest first. */
  messages: TracedMessage[];
  /** Requests that were turned away before they were stored, the newest first. */
  refusals: RefusedRequest[];
  /** What there is by that name in the program's other mode, looked for where this one has no order of it. */
  elsewhere: Elsewhere | null;
}

/** A click, a code or an affiliate, and who is behind it. */
export interface Subject {
  kind: 'click' | 'referral_code' | 'coupon' | 'link' | 'affiliate';
  /** As it is known: the id of a click, a code. */
  value: string;
  affiliateId: string;
  affiliateName: string;
  /** Of a click. */
  occurredAt: string | null;
}

export interface Elsewhere {
  kind: 'order' | 'message' | 'click';
  livemode: boolean;
}

export type TracedPayout = NonNullable<StoryPosting['payout']>;

export interface TracedOrder {
  story: Story;
  /** By id: those that are credited, and those that evidence named. */
  affiliates: Readonly<Record<string, NamedAffiliate>>;
  /** When the click was made by which it is credited. */
  clickedAt: string | null;
  /** The order that has the place in a CPA offer that this one asks for. */
  slotHolder: string | null;
  /** A sentence about misspelt names of the messages; '' where there are none. */
  hint: string;
}

export interface NamedAffiliate {
  name: string;
  status: string;
}

export interface TracedMessage extends StoryMessage {
  status: string;
  conversionId: string | null;
  facts: Fact[];
  understood: Understood[];
  hint: string;
}
