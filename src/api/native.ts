import type { Router } from 'express';
import { adjustmentRoutes } from './adjustments.ts';
import { affiliateRoutes } from './affiliates.ts';
import { apiKeyRoutes } from './api-keys.ts';
import { attentionRoutes } from './attention.ts';
import { auditEventRoutes } from './audit-events.ts';
import { balanceRoutes } from './balances.ts';
import { clickRoutes } from './clicks.ts';
import { commissionDecisionRoutes } from './commission-decisions.ts';
import { commissionRoutes } from './commissions.ts';
import { conversionBatchRoutes } from './conversion-batches.ts';
import { conversionRoutes } from './conversions.ts';
import { correctionRoutes } from './corrections.ts';
import { customerRoutes } from './customers.ts';
import { deliveryRoutes } from './deliveries.ts';
import { endpointHealthRoutes } from './endpoint-health.ts';
import { eventTypeRoutes } from './event-types.ts';
import { eventRoutes } from './events.ts';
import { exportRoutes } from './exports.ts';
import { hookRoutes } from './hooks.ts';
import { inboxEventRoutes } from './inbox-events.ts';
import { inboxReplayRoutes } from './inbox-replays.ts';
import { jobRoutes } from './jobs.ts';
import { messageResendRoutes } from './message-resends.ts';
import { messageRoutes } from './messages.ts';
import { mountRoutes, type Admission } from './mount.ts';
import { nameRoutes } from './names.ts';
import { offerRoutes } from './offers.ts';
import { paymentRoutes } from './payments.ts';
import { payoutBatchRoutes } from './payout-batches.ts';
import { postbackRoutes } from './postback-macros.ts';
import { payoutRoutes } from './payouts.ts';
import { programRoutes } from './programs.ts';
import { refusalRoutes } from './refusals.ts';
import { recoveryRoutes } from './recoveries.ts';
import { refundRoutes } from './refunds.ts';
import { reviewRoutes } from './reviews.ts';
import type { ApiDeps, Route } from './route.ts';
import { sourceTestRoutes } from './source-tests.ts';
import { setupRoutes } from './setup.ts';
import { searchRoutes } from './search.ts';
import { sourceRoutes } from './sources.ts';
import { statsRoutes } from './stats.ts';
import { systemRoutes } from './system.ts';
import { testSessionRoutes } from './test-sessions.ts';
import { timelineRoutes } from './timeline.ts';
import { traceRoutes } from './trace.ts';
import { trackingLinkRoutes } from './tracking-links.ts';
import { webhookEndpointRoutes } from './webhook-endpoints.ts';

/** Every route of the native API, in the order of its documentation. Fixed paths stand before `/:id`. */
export const nativeRoutes: readonly Route[] = [
  ...programRoutes,
  ...apiKeyRoutes,
  ...auditEventRoutes,
  ...affiliateRoutes,
  ...offerRoutes,
  ...trackingLinkRoutes,
  ...clickRoutes,
  ...conversionRoutes,
  ...conversionBatchRoutes,
  ...refundRoutes,
  ...correctionRoutes,
  ...eventRoutes,
  ...customerRoutes,
  ...commissionDecisionRoutes,
  ...commissionRoutes,
  ...reviewRoutes,
  ...balanceRoutes,
  ...payoutBatchRoutes,
  ...paymentRoutes,
  ...adjustmentRoutes,
  ...payoutRoutes,
  ...sourceRoutes,
  ...refusalRoutes,
  ...sourceTestRoutes,
  ...inboxReplayRoutes,
  ...inboxEventRoutes,
  ...webhookEndpointRoutes,
  ...recoveryRoutes,
  ...endpointHealthRoutes,
  ...hookRoutes,
  ...messageResendRoutes,
  ...messageRoutes,
  ...deliveryRoutes,
  ...eventTypeRoutes,
  ...postbackRoutes,
  ...statsRoutes,
  ...attentionRoutes,
  ...exportRoutes,
  ...testSessionRoutes,
  ...jobRoutes,
  ...setupRoutes,
  ...systemRoutes,
  ...searchRoutes,
  ...nameRoutes,
  ...traceRoutes,
  ...timelineRoutes,
];

/** Called for each sale and click: tried first, since all that is tried before costs (by a profile 26 of the 550 µs of a conversion). */
const calledMost: readonly Route[] = [...conversionRoutes, ...eventRoutes, ...clickRoutes];

/** To be mounted at /api/v1, and at other places for those whom `admit` lets in. */
export function nativeRouter(deps: ApiDeps, admit?: Admission): Router {
  return mountRoutes(deps, [...new Set([...calledMost, ...nativeRoutes])], admit);
}
