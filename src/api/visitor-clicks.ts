import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import type { Db } from '../db/db.ts';
import type { Deps } from '../deps.ts';
import { AppError, notFound, validationError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { namedBy } from '../domain/scope.ts';
import { networkOf } from '../http/authenticate.ts';
import { clipText } from '../http/clip-text.ts';
import { answerApiError } from '../http/errors.ts';
import { reference, timestamp } from '../http/fields.ts';
import { readJsonBody } from '../http/json-body.ts';
import { allowAnyOrigin } from '../http/public-access.ts';
import { rateLimitHeaders, type RateLimitPolicy } from '../http/rate-limits.ts';
import { readQuery, validate } from '../http/validate.ts';
import { findCodeOwners } from '../program/affiliate-codes.ts';
import { findAffiliate, type Affiliate } from '../program/affiliates.ts';
import { MAX_SUB_LENGTH, readClickExpiry, type Click } from '../program/clicks.ts';
import { one } from './pagination.ts';

const sub = z.string().max(8192).nullish().meta({ description: 'Cut to 1024 characters' });

export const visitorClickInput = z
  .strictObject({
    ref: reference.meta({ description: "The affiliate's referral code or id, as the landing page got it in ?ref=" }),
    programId: reference.nullish().meta({ description: 'May be left out while one program alone has the code' }),
    sub1: sub,
    sub2: sub,
    sub3: sub,
    sub4: sub,
    sub5: sub,
    sourceUrl: z.string().max(8192).nullish().meta({ description: 'Where the visitor landed; cut to 2048 characters' }),
  })
  .meta({ id: 'VisitorClickInput' });

export const visitorClickAnswer = one(
  z
    .strictObject({ clickId: z.string().meta({ description: 'The click id that everything else takes' }) })
    .meta({ id: 'VisitorClick' }),
);

export const visitorClickExpiry = one(
  z
    .strictObject({
      clickId: z.string(),
      expiresAt: timestamp.meta({ description: "Until when the click counts: the end of its offer's window" }),
    })
    .meta({ id: 'VisitorClickExpiry' }),
);

/** A visitor lands once; an office or a phone network may be many visitors. */
const perAddress: RateLimitPolicy = { name: 'visitor-clicks', limit: 600, windowS: 60 };

/**
 * `POST /api/v1/clicks/visitor`, public: the browser of a visitor who landed with `?ref=CODE` tells of the click, so that a
 * link straight to the shop counts like one through `/r`. It names no offer: that is chosen when something converts.
 * `GET /api/v1/clicks/visitor/:id`: for how long the browser is to keep a click.
 */
export function visitorClickRouter(deps: Pick<Deps, 'db' | 'clicks' | 'clock' | 'rateLimits'>): Router {
  const router = Router({ caseSensitive: true });
  const path = '/api/v1/clicks/visitor';
  router.all(path, allowAnyOrigin);
  router.post(path, async (req: Request, res: Response) => {
    res.setHeader('Cache-Control', 'no-store');
    await limitAddress(deps, req, res);
    validate(z.strictObject({}), readQuery(req.originalUrl), 'The query');
    const body = validate(visitorClickInput, (await readJsonBody(req)).value ?? {}, 'The body');
    const click: Click = {
      id: newId('clk'),
      ...(await findReferrer(deps.db, body.ref, body.programId ?? null)),
      livemode: true,
      offerId: null,
      linkId: null,
      occurredAt: deps.clock.now(),
      sub1: clipText(body.sub1, MAX_SUB_LENGTH),
      sub2: clipText(body.sub2, MAX_SUB_LENGTH),
      sub3: clipText(body.sub3, MAX_SUB_LENGTH),
      sub4: clipText(body.sub4, MAX_SUB_LENGTH),
      sub5: clipText(body.sub5, MAX_SUB_LENGTH),
      utm: null,
      ip: req.ip ?? null,
      userAgent: clipText(req.headers['user-agent'], 512),
      sourceUrl: clipText(body.sourceUrl ?? req.headers.referer, 2048),
    };
    await deps.clicks.record(click);
    res.status(201).json({ data: { clickId: click.id } });
  });
  router.all(`${path}/:id`, allowAnyOrigin);
  router.get(`${path}/:id`, async (req: Request<{ id: string }>, res: Response) => {
    res.setHeader('Cache-Control', 'no-store');
    await limitAddress(deps, req, res);
    validate(z.strictObject({}), readQuery(req.originalUrl), 'The query');
    const { id } = req.params;
    const expiresAt = id.length > 255 || id.includes('\0') ? null : await readClickExpiry(deps.db, id);
    if (!expiresAt) throw notFound('Click');
    res.json({ data: { clickId: id, expiresAt: expiresAt.toISOString() } });
  });
  router.use(path, answerApiError);
  return router;
}

/** Whose click it is: a live affiliate's, since nothing says that the visit is a test. Throws NOT_FOUND, and VALIDATION_ERROR where several programs have the code. */
async function findReferrer(
  db: Db,
  ref: string,
  programId: string | null,
): Promise<Pick<Click, 'programId' | 'affiliateId'>> {
  if (programId !== null) {
    const affiliate = await findAffiliate(db, namedBy({ programId, livemode: true }), ref);
    return { programId, affiliateId: unbanned(affiliate).id };
  }
  const [owner, another] = await findCodeOwners(db, ref);
  if (!owner) throw notFound('Affiliate');
  if (another) {
    const message = 'is required: several programs have this code';
    throw validationError(`programId ${message}`, { programId: message });
  }
  unbanned(await findAffiliate(db, namedBy({ programId: owner.programId, livemode: true }), owner.affiliateId));
  return owner;
}

/** The link of a banned affiliate leads on like any other link to the shop, and is nobody's. */
function unbanned(affiliate: Affiliate | null): Affiliate {
  if (!affiliate || affiliate.status === 'banned') throw notFound('Affiliate');
  return affiliate;
}

async function limitAddress(
  { rateLimits, clock }: Pick<Deps, 'rateLimits' | 'clock'>,
  req: Request,
  res: Response,
): Promise<void> {
  const usage = await rateLimits.count(perAddress, networkOf(req.ip ?? ''));
  if (!usage) return;
  for (const [name, value] of rateLimitHeaders(usage, clock.now())) res.setHeader(name, value);
  if (!usage.allowed) throw new AppError('RATE_LIMITED', 'Too many requests', { retryAfterS: usage.resetS });
}
