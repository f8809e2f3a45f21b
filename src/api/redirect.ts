import { Router, type Request, type Response } from 'express';
import type { Deps } from '../deps.ts';
import { readQueryPairs } from '../domain/byte-text.ts';
import { notFound, validationError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { MAX_SUB_LENGTH, type Click } from '../program/clicks.ts';
import { findLinkTarget, type LinkTarget } from '../program/link-targets.ts';
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
 * The offer may be in any state: the visitor gets through and the click is recorded, and whether it earns is judged when it
 * converts (`affiliate_not_active`, `offer_not_active`). A paused link and a banned affiliate's lead on, too, and nothing is
 * recorded; so does, past the limit of a network and link, any, which is counted apart (`tributary_clicks_past_limit_total`).
 */
export function redirectRouter(deps: RedirectDeps): Router {
  const router = Router({ caseSensitive: true });
  router.use('/r', allowAnyOrigin);
  router.get('/r/:code', async (req: Request<{ code: string }>, res: Response) => {
    const { code } = req.params;
    const target = code.length <= 255 && !code.includes('\0') ? await findLinkTarget(deps.db, code) : null;
    if (!target) {
      await limitNetwork(deps, req, res, unknownCodePolicy);
      answerUnknown(req, res);
      return;
    }
    const tags = readTags(req.originalUrl);
    res.setHeader('Cache-Control', 'no-store');
    // The shop sees where its visitors come from, as it would by a direct link.
    res.setHeader('Referrer-Policy', 'strict-origin-when-cross-origin');
    res.statusCode = 302;
    // HEAD is for previews and uptime checks, which are no visits.
    if (req.method === 'HEAD' || target.isBanned || target.status === 'paused') {
      res.setHeader('Location', buildDestination(target.destinationUrl, null, [...tags]));
      res.end();
      return;
    }
    const usage = await countNetwork(deps, req, clickPolicy, { scope: target.linkId ?? target.affiliateId });
    if (usage?.allowed === false) {
      // A visitor must not be held up for what others of the network do; but nobody fills the tables.
      deps.metrics.clicksPastLimit.inc();
      res.setHeader('Location', buildDestination(target.destinationUrl, null, [...tags]));
      res.end();
      return;
    }
    const click = toClick(target, tags, req, deps.clock.now());
    await deps.clicks.recordForVisitor(click);
    res.setHeader('Location', buildDestination(target.destinationUrl, click, [...tags]));
    res.end();
  });
  router.use('/r', answerApiError);
  return router;
}

/** Whoever follows a link is a person with a browser; programs that ask for JSON get an error as everywhere. */
function answerUnknown(req: Request, res: Response): void {
  if (req.accepts(['html', 'json', 'application/problem+json']) !== 'html') throw notFound('Tracking link');
  res.status(404).setHeader('Cache-Control', 'no-store');
  res.type('html').send(UNKNOWN_PAGE);
}

const UNKNOWN_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>This link leads nowhere</title>
<h1>This link leads nowhere</h1>
<p>It may be mistyped or no longer in use. Ask whoever gave it to you for a new one.</p>
</html>
`;

const MAX_UTM_TAGS = 10;
const MAX_FOREIGN_TAGS = 20;
const MAX_UTM_LENGTH = 255;

/** What `/r` writes itself: a link cannot bring its own. */
const ours = new Set(['click_id', 'ref', 'aff_sess']);

/**
 * What the affiliate, or the site that shows the link, put behind it, the first of each: sub1…sub5 and utm_* are recorded
 * with the click, others (`gclid`, `fbclid`, …) only handed on. Links are pasted together by hand: what is too long or too
 * many is cut.
 */
function readTags(url: string): Map<string, string> {
  const tags = new Map<string, string>();
  const left = { utm: MAX_UTM_TAGS, foreign: MAX_FOREIGN_TAGS };
  for (const [name, value] of readQueryPairs(url)) {
    if (name.includes('\0') || value.includes('\0')) throw validationError('The link contains a NUL character');
    if (tags.has(name) || ours.has(name) || name === '' || value === '') continue;
    if (/^sub[1-5]$/.test(name)) tags.set(name, clipText(value, MAX_SUB_LENGTH) ?? '');
    else if (isUtm(name)) {
      if (left.utm-- > 0) tags.set(name, clipText(value, MAX_UTM_LENGTH) ?? '');
    } else if (name.length <= 64 && left.foreign-- > 0) tags.set(name, clipText(value, MAX_SUB_LENGTH) ?? '');
  }
  return tags;
}

function isUtm(name: string): boolean {
  return /^utm_[\w-]{1,50}$/.test(name);
}

function toClick(target: LinkTarget, tags: ReadonlyMap<string, string>, req: Request, now: Date): Click {
  const utm = Object.fromEntries([...tags].filter(([name]) => isUtm(name)));
  return {
    id: newId('clk'),
    programId: target.programId,
    livemode: target.livemode,
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
