import type { BalanceView } from '../../api/balances.ts';
import type { CommissionView } from '../../api/commissions.ts';
import type { ConversionView } from '../../api/conversion-schemas.ts';
import type { ConversionDetailView } from '../../api/conversions.ts';
import type { InboxEventDetailView, InboxEventView } from '../../api/inbox-events.ts';
import type { JobView } from '../../api/jobs.ts';
import type { NameView } from '../../api/names.ts';
import type { PayoutBatchDetailView, PayoutBatchView } from '../../api/payout-batches.ts';
import type { PayoutEntryView, PayoutView } from '../../api/payouts.ts';
import type { ReviewDecisionView, ReviewView } from '../../api/reviews.ts';
import type { SearchHitView } from '../../api/search.ts';
import type { TimelineEntryView } from '../../api/timeline.ts';
import type { TraceView } from '../../api/trace.ts';
import type { SessionView } from '../session-routes.ts';

export type Session = SessionView;
export type Program = SessionView['programs'][number];
export type Mode = 'live' | 'test';
export type InboxEvent = InboxEventView;
export type InboxEventDetail = InboxEventDetailView;
export type Conversion = ConversionView;
export type ConversionDetail = ConversionDetailView;
export type TimelineEntry = TimelineEntryView;
export type Trace = TraceView;
export type SearchHit = SearchHitView;
export type Commission = CommissionView;
export type Review = ReviewView;
export type ReviewDecision = ReviewDecisionView;
export type Balance = BalanceView;
export type Payout = PayoutView;
export type PayoutEntry = PayoutEntryView;
export type PayoutBatch = PayoutBatchView;
export type PayoutBatchDetail = PayoutBatchDetailView;
export type Job = JobView;
export type Name = NameView;

/** A page of a list, as the API answers it. */
export interface Listed<T> {
  data: T[];
  pagination: { nextCursor: string | null; hasMore: boolean };
}
