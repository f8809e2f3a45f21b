import { listEventsOfTestClick } from '../../inbound/inbox/inbox-events.ts';
import { z } from 'zod';
import { inTransaction } from '../../db/db.ts';
import { chooseAffiliate } from '../../api/test-sessions.ts';
import { notFound } from '../../domain/errors.ts';
import { namedBy } from '../../domain/scope.ts';
import { findOffer } from '../../program/offers.ts';
import { createTestSession, findTestSession } from '../../program/test-sessions.ts';
import { defineDialectRoute } from '../dialect.ts';
import { answerData } from './envelope.ts';
import { offerCode } from './fields.ts';
import { getLimits, writeLimits } from './limits.ts';

export const testSessionRoutes = [
  defineDialectRoute({
    method: 'post',
    path: '/api/v1/test-sessions',
    auth: 'key',
    access: 'write',
    limits: writeLimits,
    body: z.object({ offer_code: offerCode }),
    handle: async (deps, { principal: { programId }, body, receivedAt, actor }) => {
      const scope = { programId, livemode: false };
      const offer = await findOffer(deps.db, namedBy(scope), body.offer_code);
      if (!offer) throw notFound('Offer');
      const affiliateId = await chooseAffiliate(deps, scope, undefined, actor);
      const session = await inTransaction(deps.db, (trx) =>
        createTestSession(trx, programId, { offerId: offer.id, affiliateId }, receivedAt),
      );
      return answerData({
        testClickId: session.clickId,
        sessionToken: session.token,
        expiresAt: session.expiresAt.getTime(),
      });
    },
  }),
  defineDialectRoute({
    method: 'get',
    path: '/api/v1/test-sessions/:token',
    auth: 'key',
    access: 'read',
    limits: getLimits,
    handle: async ({ db }, { principal: { programId }, params, receivedAt }) => {
      const session = await findTestSession(db, programId, params['token'] ?? '');
      if (!session) throw notFound('Test session');
      const [newest] = await listEventsOfTestClick(db, { ...session, since: session.createdAt }, 1);
      // A message that came in had a valid key; whether its fields could count shows when it is settled.
      const refused = newest?.outcome === 'rejected' || newest?.outcome === 'unprocessable';
      const settled = newest !== undefined && newest.status !== 'received';
      return answerData({
        status: newest ? 'received' : receivedAt > session.expiresAt ? 'expired' : 'pending',
        validation: { signatureValid: newest !== undefined, fieldsValid: settled && !refused },
      });
    },
  }),
];
