import { listEventsOfTestClick } from '../inbound/inbox/inbox-events.ts';
import { z } from 'zod';
import { inTransaction } from '../db/db.ts';
import type { Actor } from '../domain/actor.ts';
import { notFound, validationError } from '../domain/errors.ts';
import { namedBy, type Scope } from '../domain/scope.ts';
import { listAffiliates } from '../program/affiliates.ts';
import { conversionView } from '../ledger/conversion-view.ts';
import { listConversions } from '../ledger/conversions.ts';
import type { InboxEvent } from '../inbound/inbox/inbox-events.ts';
import { createTestSession, findTestSession, type TestSession } from '../program/test-sessions.ts';
import { createAffiliateAndAnnounce } from '../operations/affiliate-changes.ts';
import { conversionSchema, messageReason } from './conversion-schemas.ts';
import { outcomes } from '../domain/outcomes.ts';
import { reference, timestamp, word } from '../http/fields.ts';
import { requireAffiliate, requireOffer } from './named.ts';
import { one } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const newSessionSchema = z
  .strictObject({
    testClickId: z.string().meta({ description: '`test_…`: what comes with it is never payable, by whichever key' }),
    sessionToken: z.string(),
    offerId: z.string(),
    expiresAt: timestamp,
  })
  .meta({ id: 'NewTestSession' });
export type NewTestSessionView = z.output<typeof newSessionSchema>;

const sessionSchema = z
  .strictObject({
    testClickId: z.string(),
    sessionToken: z.string(),
    offerId: z.string(),
    status: z.enum(['waiting', 'received', 'expired']),
    validation: z
      .strictObject({
        keyValid: z
          .boolean()
          .nullable()
          .meta({ description: 'Whether a message with the click was let in; null: none yet' }),
        fieldsValid: z.boolean().nullable().meta({ description: 'Whether the newest one could count' }),
        problem: z.string().nullable(),
      })
      .meta({ description: 'A message that is malformed is answered 400 and leaves no trace here' }),
    events: z.array(
      z
        .strictObject({
          id: z.string(),
          kind: z.string(),
          outcome: word(outcomes).nullable(),
          reason: messageReason.nullable(),
          error: z.string().nullable(),
          receivedAt: timestamp,
        })
        .meta({ id: 'TestSessionEvent' }),
    ),
    conversions: z.array(conversionSchema),
    createdAt: timestamp,
    expiresAt: timestamp,
  })
  .meta({ id: 'TestSession' });
export type TestSessionView = z.output<typeof sessionSchema>;

export const testSessionRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/test-sessions',
    access: 'write',
    tag: 'Test sessions',
    summary: 'Get a test click to try an integration with',
    body: z
      .strictObject({
        offerId: reference.optional().meta({ description: 'Id or code; or offerCode' }),
        offerCode: reference.optional(),
        affiliateId: reference.optional().meta({ description: 'Whose test click; any active affiliate when absent' }),
      })
      .meta({ id: 'TestSessionInput' }),
    status: 201,
    answer: one(newSessionSchema),
    handle: async (deps, { principal, body, receivedAt, actor }) => {
      const scope = { programId: principal.programId, livemode: false };
      if ((body.offerId === undefined) === (body.offerCode === undefined)) {
        throw validationError('The body must name offerId or offerCode', { offerId: 'name offerId or offerCode' });
      }
      const field = body.offerId === undefined ? 'offerCode' : 'offerId';
      const offer = await requireOffer(deps.db, namedBy(scope), body[field] ?? '', field);
      const affiliateId = await chooseAffiliate(deps, scope, body.affiliateId, actor);
      const session = await inTransaction(deps.db, (trx) =>
        createTestSession(trx, scope.programId, { offerId: offer.id, affiliateId }, receivedAt),
      );
      return {
        data: {
          testClickId: session.clickId,
          sessionToken: session.token,
          offerId: session.offerId,
          expiresAt: session.expiresAt.toISOString(),
        },
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/test-sessions/:token',
    access: 'read',
    tag: 'Test sessions',
    summary: 'See what came with a test click',
    status: 200,
    answer: one(sessionSchema),
    handle: async ({ db, clock }, { principal, params }) => {
      const session = await findTestSession(db, principal.programId, params.token);
      if (!session) throw notFound('Test session');
      const events = await listEventsOfTestClick(db, { ...session, since: session.createdAt });
      const filter = { livemode: false, clickId: session.clickId };
      const { items } = await listConversions(db, principal.programId, filter, { limit: 20 });
      return { data: sessionView(session, events, items.map(conversionView), clock.now()) };
    },
  }),
];

/** Whose test click it is: who is named, else an active affiliate, else one that is made, so that every program can test. */
export async function chooseAffiliate(
  deps: ApiDeps,
  scope: Scope,
  named: string | undefined,
  actor: Actor,
): Promise<string> {
  if (named !== undefined) return (await requireAffiliate(deps.db, namedBy(scope), named)).id;
  const { items } = await listAffiliates(deps.db, namedBy(scope), { statuses: ['active'] }, { limit: 1 });
  if (items[0]) return items[0].id;
  const input = { displayName: 'Test affiliate', email: 'test-affiliate@example.invalid', type: 'internal' as const };
  const made = await createAffiliateAndAnnounce(deps, scope, input, actor);
  return made.id;
}

function sessionView(
  session: TestSession,
  events: InboxEvent[],
  conversions: ReturnType<typeof conversionView>[],
  now: Date,
) {
  const [newest] = events;
  const refused = newest?.outcome === 'rejected' || newest?.outcome === 'unprocessable';
  const settled = newest !== undefined && newest.status !== 'received';
  return {
    testClickId: session.clickId,
    sessionToken: session.token,
    offerId: session.offerId,
    status: newest ? 'received' : now > session.expiresAt ? 'expired' : 'waiting',
    validation: {
      keyValid: newest ? true : null,
      fieldsValid: settled ? !refused : null,
      problem: refused ? (newest.error ?? newest.reason) : null,
    },
    events: events.map(({ id, kind, outcome, reason, error, receivedAt }) => ({
      id,
      kind,
      outcome,
      reason,
      error,
      receivedAt: receivedAt.toISOString(),
    })),
    conversions,
    createdAt: session.createdAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
  };
}
