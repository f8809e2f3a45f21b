import { z } from 'zod';
import { AppError, notFound, validationError } from '../domain/errors.ts';
import { namedBy, type Scope } from '../domain/scope.ts';
import { newId } from '../domain/ids.ts';
import { isTooFarAhead } from '../inbound/fields/values.ts';
import { findClick, listClicks, maskClick, MAX_SUB_LENGTH, type Click, type StoredClick } from '../program/clicks.ts';
import { resolvePeriod } from '../program/period.ts';
import { findLinkTarget } from '../program/link-targets.ts';
import { clientAddress, livemode, moment, periodQuery, reference, text, timestamp } from '../http/fields.ts';
import { requireAffiliate, requireOffer, toAffiliateId, toOfferId } from './named.ts';
import { listOf, one, pageQuery, sortQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const sub = text(MAX_SUB_LENGTH).nullable().optional();

const clickInput = z
  .strictObject({
    code: reference.optional().meta({
      description: "Of a tracking link, or an affiliate's own; or name affiliateId or referralCode",
    }),
    affiliateId: reference.optional().meta({ description: 'Id or referral code' }),
    referralCode: reference.optional(),
    offerId: reference.optional().meta({ description: 'Id or code; a click may be without an offer' }),
    occurredAt: moment.optional().meta({ description: 'Now when absent' }),
    sub1: sub,
    sub2: sub,
    sub3: sub,
    sub4: sub,
    sub5: sub,
    ip: clientAddress.nullable().optional(),
    userAgent: text(1024).nullable().optional(),
    sourceUrl: text(2048).nullable().optional(),
  })
  .meta({ id: 'ClickInput' });

const clickSchema = z
  .strictObject({
    id: z.string().meta({ description: 'The click id that everything else takes' }),
    affiliateId: z.string(),
    offerId: z.string().nullable(),
    linkId: z.string().nullable(),
    livemode,
    occurredAt: timestamp,
    sub1: z.string().nullable(),
    sub2: z.string().nullable(),
    sub3: z.string().nullable(),
    sub4: z.string().nullable(),
    sub5: z.string().nullable(),
    utm: z.record(z.string(), z.string()).nullable(),
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
    sourceUrl: z.string().nullable(),
    createdAt: timestamp,
  })
  .meta({ id: 'Click' });

export const clickRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/clicks',
    access: 'write',
    tag: 'Clicks',
    summary: 'Record a click',
    description: 'For links that lead to your own server. Name a link by code, or an affiliate.',
    body: clickInput,
    mayHoldKeys: true,
    status: 201,
    answer: one(clickSchema),
    handle: async (deps, { scope, body, receivedAt }) => {
      const occurredAt = body.occurredAt ?? receivedAt;
      if (isTooFarAhead(occurredAt, receivedAt)) {
        throw validationError('occurredAt is more than a year ahead', { occurredAt: 'is more than a year ahead' });
      }
      const click: Click = maskClick({
        id: newId('clk'),
        ...scope,
        ...(await findReferrer(deps, scope, body)),
        occurredAt,
        sub1: body.sub1 ?? null,
        sub2: body.sub2 ?? null,
        sub3: body.sub3 ?? null,
        sub4: body.sub4 ?? null,
        sub5: body.sub5 ?? null,
        utm: null,
        ip: body.ip ?? null,
        userAgent: body.userAgent ?? null,
        sourceUrl: body.sourceUrl ?? null,
      });
      await deps.clicks.record(click);
      return { data: clickView({ ...click, createdAt: receivedAt }) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/clicks',
    mayBeBehind: () => true,
    access: 'read',
    tag: 'Clicks',
    summary: 'List clicks',
    query: z.strictObject({
      ...pageQuery,
      ...sortQuery,
      ...periodQuery,
      affiliateId: reference.optional(),
      offerId: reference.optional(),
      linkId: reference.optional(),
    }),
    status: 200,
    answer: listOf(clickSchema),
    handle: async ({ db }, { principal, livemode, reach, query }) => {
      const { programId } = principal;
      const filter = {
        livemode,
        affiliateId: await toAffiliateId(db, reach, query.affiliateId),
        offerId: await toOfferId(db, reach, query.offerId),
        linkId: query.linkId,
        ...(await resolvePeriod(db, programId, query)),
      };
      return toListBody('clicks', await listClicks(db, programId, filter, toPageRequest('clicks', query)), clickView);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/clicks/:id',
    access: 'read',
    tag: 'Clicks',
    summary: 'Get a click',
    status: 200,
    answer: one(clickSchema),
    handle: async ({ db }, { principal, livemode, params }) => {
      const click = await findClick(db, principal.programId, livemode, params.id);
      if (!click) throw notFound('Click');
      return { data: clickView(click) };
    },
  }),
];

type Referrer = Pick<Click, 'affiliateId' | 'offerId' | 'linkId'>;

/** Whose click it is: exactly one of a link's code, an affiliate, a referral code. */
async function findReferrer({ db }: ApiDeps, scope: Scope, body: z.output<typeof clickInput>): Promise<Referrer> {
  const named = namedBy(scope);
  const fields = (['code', 'affiliateId', 'referralCode'] as const).filter((field) => body[field] !== undefined);
  if (fields.length !== 1) {
    const message = 'name exactly one of code, affiliateId, referralCode';
    throw validationError(`The body must ${message}`, { [fields[1] ?? 'code']: message });
  }
  const offer = body.offerId === undefined ? null : await requireOffer(db, named, body.offerId);
  if (body.code === undefined) {
    const field = fields[0] ?? 'affiliateId';
    const affiliate = await requireAffiliate(db, named, body[field] ?? '', field);
    return { affiliateId: affiliate.id, offerId: offer?.id ?? null, linkId: null };
  }
  const target = await findLinkTarget(db, body.code);
  if (target?.programId !== scope.programId || !named.modes.includes(target.livemode)) {
    throw new AppError('VALIDATION_ERROR', 'Tracking link not found', {
      details: { code: 'is not a tracking link of this program' },
    });
  }
  if (target.status === 'paused') {
    throw validationError('The tracking link is paused', { code: 'is the code of a paused tracking link' });
  }
  return { affiliateId: target.affiliateId, offerId: offer?.id ?? target.offerId, linkId: target.linkId };
}

function clickView(click: StoredClick): z.input<typeof clickSchema> {
  return {
    id: click.id,
    affiliateId: click.affiliateId,
    offerId: click.offerId,
    linkId: click.linkId,
    livemode: click.livemode,
    occurredAt: click.occurredAt.toISOString(),
    sub1: click.sub1,
    sub2: click.sub2,
    sub3: click.sub3,
    sub4: click.sub4,
    sub5: click.sub5,
    utm: click.utm,
    ip: click.ip,
    userAgent: click.userAgent,
    sourceUrl: click.sourceUrl,
    createdAt: click.createdAt.toISOString(),
  };
}
