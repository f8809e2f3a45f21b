import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import type { Db } from '../db/db.ts';
import type { Deps } from '../deps.ts';
import { pastedForms } from '../domain/codes.ts';
import { AppError, notFound, validationError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { namedBy } from '../domain/scope.ts';
import { clipMarked, clipText } from '../http/clip-text.ts';
import { isCrawler } from '../http/crawlers.ts';
import { answerApiError } from '../http/errors.ts';
import { reference, timestamp } from '../http/fields.ts';
import { readJsonBody } from '../http/json-body.ts';
import { allowAnyOrigin } from '../http/public-access.ts';
import {
  clickExpiryPolicy,
  clickPolicy,
  limitNetwork,
  unknownCodePolicy,
  type NetworkLimitDeps,
} from '../http/network-limits.ts';
import { MAX_ANONYMOUS_BODY_BYTES } from '../http/raw-body.ts';
import { readQuery, validate } from '../http/validate.ts';
import { findCodeOwners } from '../program/affiliate-codes.ts';
import { findAffiliate, type Affiliate } from '../program/affiliates.ts';
import { MAX_SUB_LENGTH, readClickExpiry, type Click } from '../program/clicks.ts';
import { one } from './pagination.ts';

const sub = z.string().max(8192).nullish().meta({ description: 'Cut to 1024 characters, with … at the end' });

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

/**
 * `POST /api/v1/clicks/visitor`, public: the browser of a visitor who landed with `?ref=CODE` tells of the click, so that a
 * link straight to the shop counts like one through `/r`. It names no offer: that is chosen when something converts.
 * A crawler that runs the scripts of pages makes none.
 * `GET /api/v1/clicks/visitor/:id`: for how long the browser is to keep a click.
 */
export function visitorClickRouter(deps: Pick<Deps, 'db' | 'clicks' | 'clock' | 'rateLimits' | 'log'>): Router {
  const router = Router({ caseSensitive: true });
  const path = '/api/v1/clicks/visitor';
  router.all(path, allowAnyOrigin);
  router.post(path, async (req: Request, res: Response) => {
    res.setHeader('Cache-Control', 'no-store');
    validate(z.strictObject({}), readQuery(req.originalUrl), 'The query');
    const body = validate(
      visitorClickInput,
      (await readJsonBody(req, MAX_ANONYMOUS_BODY_BYTES)).value ?? {},
      'The body',
    );
    if (isCrawler(req.headers['user-agent'])) throw new AppError('NOT_FOUND', 'Crawlers make no clicks');
    // By what it says, before anything is looked up; below by whose it is.
    await limitNetwork(deps, req, res, clickPolicy, `said ${body.ref}`);
    const referrer = await findReferrer(deps, body.ref, body.programId ?? null, req, res);
    await limitNetwork(deps, req, res, clickPolicy, referrer.affiliateId);
    const click: Click = {
      id: newId('clk'),
      ...referrer,
      livemode: true,
      offerId: null,
      linkId: null,
      occurredAt: deps.clock.now(),
      sub1: clipSub(body.sub1),
      sub2: clipSub(body.sub2),
      sub3: clipSub(body.sub3),
      sub4: clipSub(body.sub4),
      sub5: clipSub(body.sub5),
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
    await limitNetwork(deps, req, res, clickExpiryPolicy);
    validate(z.strictObject({}), readQuery(req.originalUrl), 'The query');
    const { id } = req.params;
    const expiresAt = id.length > 255 || id.includes('\0') ? null : await readClickExpiry(deps.db, id);
    if (!expiresAt) throw notFound('Click');
    res.json({ data: { clickId: id, expiresAt: expiresAt.toISOString() } });
  });
  router.use(path, answerApiError);
  return router;
}

function clipSub(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : clipMarked(text, MAX_SUB_LENGTH);
}

/**
 * Whose click it is: a live affiliate's, since nothing says that the visit is a test. Throws NOT_FOUND, and VALIDATION_ERROR
 * where several programs have the code.
 */
async function findReferrer(
  deps: NetworkLimitDeps & Pick<Deps, 'db'>,
  ref: string,
  programId: string | null,
  req: Request,
  res: Response,
): Promise<Pick<Click, 'programId' | 'affiliateId'>> {
  let affiliate: Affiliate | null = null;
  for (const form of pastedForms(ref)) affiliate ??= await findNamed(deps.db, form, programId);
  // The link of a banned affiliate leads on like any other link to the shop, and is nobody's.
  if (!affiliate || affiliate.status === 'banned') {
    await limitNetwork(deps, req, res, unknownCodePolicy);
    throw notFound('Affiliate');
  }
  return { programId: affiliate.programId, affiliateId: affiliate.id };
}

async function findNamed(db: Db, ref: string, programId: string | null): Promise<Affiliate | null> {
  const owner = programId === null ? await findOnlyOwner(db, ref) : { programId, affiliateId: ref };
  return owner && (await findAffiliate(db, namedBy({ programId: owner.programId, livemode: true }), owner.affiliateId));
}

async function findOnlyOwner(db: Db, ref: string): Promise<Pick<Click, 'programId' | 'affiliateId'> | null> {
  const [owner, another] = await findCodeOwners(db, ref);
  if (another) {
    const message = 'is required: several programs have this code';
    throw validationError(`programId ${message}`, { programId: message });
  }
  return owner ?? null;
}
