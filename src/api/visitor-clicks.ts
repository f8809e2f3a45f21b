import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import type { Deps } from '../deps.ts';
import { type AppError, notFound, validationError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { clipText } from '../http/clip-text.ts';
import { answerApiError } from '../http/errors.ts';
import { reference } from '../http/fields.ts';
import { readJsonBody } from '../http/json-body.ts';
import { allowAnyOrigin } from '../http/public-access.ts';
import { clickPolicy, limitNetwork, unknownCodePolicy, type NetworkLimitDeps } from '../http/network-limits.ts';
import { MAX_ANONYMOUS_BODY_BYTES } from '../http/raw-body.ts';
import { readQuery, validate } from '../http/validate.ts';
import { findCodeOwners } from '../program/affiliate-codes.ts';
import { findAffiliate } from '../program/affiliates.ts';
import type { Click } from '../program/clicks.ts';
import { one } from './pagination.ts';

const sub = z.string().max(2048).nullish().meta({ description: 'Cut to 255 characters' });

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

const MAX_TAG_LENGTH = 255;

/**
 * `POST /api/v1/clicks/visitor`, public: the browser of a visitor who landed with `?ref=CODE` tells of the click, so that a
 * link straight to the shop counts like one through `/r`. It names no offer: that is chosen when something converts.
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
    const referrer = await findReferrer(deps, body.ref, body.programId ?? null, req, res);
    await limitNetwork(deps, req, res, clickPolicy, referrer.affiliateId);
    const click: Click = {
      id: newId('clk'),
      ...referrer,
      livemode: true,
      offerId: null,
      linkId: null,
      occurredAt: deps.clock.now(),
      sub1: clipText(body.sub1, MAX_TAG_LENGTH),
      sub2: clipText(body.sub2, MAX_TAG_LENGTH),
      sub3: clipText(body.sub3, MAX_TAG_LENGTH),
      sub4: clipText(body.sub4, MAX_TAG_LENGTH),
      sub5: clipText(body.sub5, MAX_TAG_LENGTH),
      utm: null,
      ip: req.ip ?? null,
      userAgent: clipText(req.headers['user-agent'], 512),
      sourceUrl: clipText(body.sourceUrl ?? req.headers.referer, 2048),
    };
    await deps.clicks.record(click);
    res.status(201).json({ data: { clickId: click.id } });
  });
  router.use(path, answerApiError);
  return router;
}

/** Whose click it is. Throws NOT_FOUND, and VALIDATION_ERROR where several programs have the code. */
async function findReferrer(
  deps: NetworkLimitDeps & Pick<Deps, 'db'>,
  ref: string,
  programId: string | null,
  req: Request,
  res: Response,
): Promise<Pick<Click, 'programId' | 'affiliateId'>> {
  const unknown = async (): Promise<AppError> => {
    await limitNetwork(deps, req, res, unknownCodePolicy);
    return notFound('Affiliate');
  };
  if (programId !== null) {
    const affiliate = await findAffiliate(deps.db, programId, ref);
    if (!affiliate) throw await unknown();
    return { programId, affiliateId: affiliate.id };
  }
  const [owner, another] = await findCodeOwners(deps.db, ref);
  if (!owner) throw await unknown();
  if (another) {
    const message = 'is required: several programs have this code';
    throw validationError(`programId ${message}`, { programId: message });
  }
  return owner;
}
