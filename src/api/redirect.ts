import { Router, type Request, type Response } from 'express';
import type { Deps } from '../deps.ts';
import { notFound, validationError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import type { Click } from '../program/clicks.ts';
import { findLinkTarget, type LinkTarget } from '../program/tracking-links.ts';
import { clipText } from '../http/clip-text.ts';
import { answerApiError } from '../http/errors.ts';
import { clickPolicy, countNetwork, limitNetwork, unknownCodePolicy } from '../http/network-limits.ts';
import { allowAnyOrigin } from '../http/public-access.ts';
import { buildDestination } from './destination.ts';

type RedirectDeps = Pick<Deps, 'db' | 'clicks' | 'clock' | 'rateLimits' | 'log' | 'metrics'>;

/**
 * `GET /r/:code`, public: records the click, then leads on to the destination. Visitors are never held up: while the
 * database is away a link that the process remembers still leads on, and its click is written later.
 *
 * The affiliate and the offer may be in any state: the visitor gets through and the click is recorded, and whether it
 * earns is judged when it converts (`affiliate_not_active`, `offer_not_active`). Past the limit of a network and link the
 * visitor is led on without a click, which is counted apart (`tributary_clicks_past_limit_total`).
 */
export function redirectRouter(deps: RedirectDeps): Router {
  const router = Router({ caseSensitive: true });
  router.use('/r', allowAnyOrigin);
  router.get('/r/:code', async (req: Request<{ code: string }>, res: Response) => {
    const { code } = req.params;
    const target = code.length <= 255 && !code.includes('\0') ? await findLinkTarget(deps.db, code) : null;
    if (!target) {
      await limitNetwork(deps, req, res, unknownCodePolicy);
      throw notFound('Tracking link');
    }
    const tags = readTags(req.originalUrl);
    res.setHeader('Cache-Control', 'no-store');
    // The shop sees where its visitors come from, as it would by a direct link.
    res.setHeader('Referrer-Policy', 'strict-origin-when-cross-origin');
    // HEAD is for previews and uptime checks, which are no visits.
    if (req.method === 'HEAD') {
      res.redirect(302, target.destinationUrl);
      return;
    }
    const usage = await countNetwork(deps, req, clickPolicy, { scope: target.linkId });
    if (usage?.allowed === false) {
      // A visitor must not be held up for what others of the network do; but nobody fills the tables.
      deps.metrics.clicksPastLimit.inc();
      res.redirect(302, target.destinationUrl);
      return;
    }
    const click = toClick(target, tags, req, deps.clock.now());
    await deps.clicks.recordForVisitor(click);
    res.statusCode = 302;
    res.setHeader('Location', buildDestination(target.destinationUrl, click, [...tags]));
    res.end();
  });
  router.use('/r', answerApiError);
  return router;
}

const MAX_TAG_LENGTH = 255;
const MAX_UTM_TAGS = 10;

/** sub1…sub5 and utm_*, the first of each. Links are pasted together by hand: what is too long or too many is cut. */
function readTags(url: string): Map<string, string> {
  const question = url.indexOf('?');
  const tags = new Map<string, string>();
  let utmTags = 0;
  for (const [name, value] of new URLSearchParams(question === -1 ? '' : url.slice(question + 1))) {
    if (name.includes('\0') || value.includes('\0')) throw validationError('The link contains a NUL character');
    if (tags.has(name) || value === '' || !/^(?:sub[1-5]|utm_[\w-]{1,50})$/.test(name)) continue;
    if (name.startsWith('utm_') && (utmTags += 1) > MAX_UTM_TAGS) continue;
    tags.set(name, clipText(value, MAX_TAG_LENGTH) ?? '');
  }
  return tags;
}

function toClick(target: LinkTarget, tags: ReadonlyMap<string, string>, req: Request, now: Date): Click {
  const utm = Object.fromEntries([...tags].filter(([name]) => name.startsWith('utm_')));
  return {
    id: newId('clk'),
    programId: target.programId,
    livemode: true,
    affiliateId: target.affiliateId,
    offerId: target.offerId,
    linkId: target.linkId,
    occurredAt: now,
    sub1: tags.get('sub1') ?? null,
    sub2: tags.get('sub2') ?? null,
    sub3: tags.get('sub3') ?? null,
    sub4: tags.get('sub4') ?? null,
    sub5: tags.get('sub5') ?? null,
    utm: Object.keys(utm).length === 0 ? null : utm,
    ip: req.ip ?? null,
    userAgent: clipText(req.headers['user-agent'], 512),
    sourceUrl: clipText(req.headers.referer, 2048),
  };
}
