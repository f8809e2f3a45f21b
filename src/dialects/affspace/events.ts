import { z } from 'zod';
import type { Normalized } from '../../domain/facts.ts';
import { normalizeFunnelEvent } from '../../inbound/conversion/normalize.ts';
import { defineDialectRoute } from '../dialect.ts';
import { submitRequest } from '../submit.ts';
import { aliasedBody, pickFields } from './fields.ts';
import { writeLimits } from './limits.ts';
import { answerEvent } from './outcome.ts';

const newEvent = aliasedBody.extend({ referrer: z.string().max(2048).nullish() });

export const eventRoutes = [
  defineDialectRoute({
    method: 'post',
    path: '/api/v1/events',
    auth: 'key',
    access: 'ingest',
    limits: writeLimits,
    body: newEvent,
    handle: async (deps, request) => {
      const { principal, body, livemode, receivedAt } = request;
      const { programId } = principal;
      const event = pickFields(body, ['clickId', 'goal', 'url'], { clickId: 'click_id', goal: 'event_type' });
      const normalized = withReferrer(normalizeFunnelEvent(event, { livemode, receivedAt }), body.referrer);
      const { id, settled } = await submitRequest(deps, request, { programId, kind: 'event', normalized });
      return await answerEvent(deps.db, { programId, normalized }, id, settled);
    },
  }),
];

function withReferrer(normalized: Normalized, referrer: string | null | undefined): Normalized {
  if (normalized.kind !== 'facts' || !referrer) return normalized;
  return { ...normalized, facts: normalized.facts.map((fact) => ({ ...fact, note: { referrer } })) };
}
