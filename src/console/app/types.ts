import type { AffiliateDetailView, ListedAffiliateView } from '../../api/affiliates.ts';
import type { ApiKeyView, NewApiKeyView } from '../../api/api-keys.ts';
import type { AuditEventView } from '../../api/audit-events.ts';
import type { ConversionView } from '../../api/conversion-schemas.ts';
import type { ConversionDetailView } from '../../api/conversions.ts';
import type { InboxEventDetailView, InboxEventView } from '../../api/inbox-events.ts';
import type { OfferView } from '../../api/offers.ts';
import type { PostbackMacroView, PostbackPresetView } from '../../api/postback-macros.ts';
import type { ProgramView } from '../../api/programs.ts';
import type { SearchHitView } from '../../api/search.ts';
import type { StatsView } from '../../api/stats.ts';
import type { SystemView } from '../../api/system.ts';
import type { TimelineEntryView } from '../../api/timeline.ts';
import type { TraceView } from '../../api/trace.ts';
import type { TrackingLinkView } from '../../api/tracking-links.ts';
import type { ReadinessReport } from '../../http/readiness.ts';
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
export type Affiliate = ListedAffiliateView;
export type AffiliateDetail = AffiliateDetailView;
export type Balance = NonNullable<ListedAffiliateView['balances']>[number];
export type Offer = OfferView;
export type Terms = OfferView['commission'];
export type TrackingLink = TrackingLinkView;
export type Stats = StatsView;
export type ProgramSettings = ProgramView;
export type ApiKey = ApiKeyView;
export type NewApiKey = NewApiKeyView;
export type AuditEvent = AuditEventView;
export type PostbackMacro = PostbackMacroView;
export type PostbackPreset = PostbackPresetView;
export type Readiness = ReadinessReport;
export type System = SystemView;

/** A page of a list, as the API answers it. */
export interface Listed<T> {
  data: T[];
  pagination: { nextCursor: string | null; hasMore: boolean };
}
