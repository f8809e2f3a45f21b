import type { AttentionView } from '../../api/attention.ts';
import type { BalanceTotalsView } from '../../api/balances.ts';
import type { ConversionView } from '../../api/conversion-schemas.ts';
import type { ConversionDetailView } from '../../api/conversions.ts';
import type { DeliveryView } from '../../api/deliveries.ts';
import type { EndpointHealthView } from '../../api/endpoint-health.ts';
import type { EventTypeView } from '../../api/event-types.ts';
import type { InboxEventDetailView, InboxEventView } from '../../api/inbox-events.ts';
import type { JobView } from '../../api/jobs.ts';
import type { AttemptView, MessageDetailsView } from '../../api/messages.ts';
import type { RecoveryView } from '../../api/recoveries.ts';
import type { RefusalView } from '../../api/refusals.ts';
import type { SearchHitView } from '../../api/search.ts';
import type { SetupView } from '../../api/setup.ts';
import type { SourceDetailView, SourcePresetView, SourceView } from '../../api/source-schemas.ts';
import type { SourceTestView } from '../../api/source-tests.ts';
import type { StatsView } from '../../api/stats.ts';
import type { NewTestSessionView, TestSessionView } from '../../api/test-sessions.ts';
import type { TimelineEntryView } from '../../api/timeline.ts';
import type { TraceView } from '../../api/trace.ts';
import type { EndpointView, EndpointWithSecretView } from '../../api/webhook-endpoints.ts';
import type { EventTypeName as AnyEventTypeName } from '../../outbound/events/event-types.ts';
import type { News as NewsItem } from '../read-news.ts';
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
export type Endpoint = EndpointView;
export type EndpointWithSecret = EndpointWithSecretView;
export type EndpointHealth = EndpointHealthView;
export type EventType = EventTypeView;
export type EventTypeName = AnyEventTypeName;
export type Delivery = DeliveryView;
export type Message = MessageDetailsView;
export type Attempt = AttemptView;
export type Recovery = RecoveryView;
export type Job = JobView;
/** As the stream tells it. */
export type News = Omit<NewsItem, 'at'> & { at: string };
export type SearchHit = SearchHitView;
export type Attention = AttentionView;
export type BalanceTotals = BalanceTotalsView;
export type Setup = SetupView;
export type Stats = StatsView;
export type Source = SourceView;
export type SourceDetail = SourceDetailView;
export type SourcePreset = SourcePresetView;
export type SourceTest = SourceTestView;
export type Refusal = RefusalView;
export type NewTestSession = NewTestSessionView;
export type TestSession = TestSessionView;

/** A page of a list, as the API answers it. */
export interface Listed<T> {
  data: T[];
  pagination: { nextCursor: string | null; hasMore: boolean };
}
