import { Router, type Request, type Response } from 'express';
import type { Deps } from '../deps.ts';
import { notFound } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import type { Click } from '../program/clicks.ts';
import type { LinkTarget } from '../program/link-targets.ts';
import { clipText } from '../http/clip-text.ts';
import { answerApiError } from '../http/errors.ts';
import { clickPolicy, countNetwork, limitNetwork, unknownCodePolicy } from '../http/network-limits.ts';
import { allowAnyOrigin } from '../http/public-access.ts';
import { classifyVisit } from '../http/visitors.ts';
import { buildDestination, type Handover } from './destination.ts';
import { followLinkPath, readLinkPath } from './link-path.ts';
import { isUtm, readTags, type LinkTag } from './link-tags.ts';

type RedirectDeps = Pick<Deps, 'db' | 'clicks' | 'crawlerVisits' | 'clock' | 'rateLimits' | 'log' | 'metrics'>;

/**
 * `GET /r/:code`, public: records the click, then leads on to the destination. Visitors are never held up: while the
 * database is away a link that the process remembers still leads on, and its click is written later.
 *
 * The offer may be in any state: the visitor gets through and the click is recorded, and whether it earns is judged when it
 * converts (`affiliate_not_active`, `offer_not_active`). A paused link and a banned affiliate's lead on, too, and nothing is
 * recorded; so do crawlers, previews and prefetches, which are counted apart; so does, past the limit of a network and link,
 * any, which is a metric (`tributary_clicks_past_limit_total`).
 */
export function redirectRouter(deps: RedirectDeps): Router {
  const router = Router({ caseSensitive: true });
  router.use((req, _res, next) => {
    const path = readLinkPath(req.originalUrl);
    // One segment, however the link was written: a route has one name in the metrics.
    if (path) req.url = `/r/${encodeURIComponent(path.code) || '-'}`;
    next();
  });
  router.use('/r', allowAnyOrigin);
  router.get('/r/:code', async (req: Request, res: Response) => {
    const path = readLinkPath(req.originalUrl);
    const link = path && (await followLinkPath(deps.db, path));
    if (!link) {
      await limitNetwork(deps, req, res, unknownCodePolicy);
      answerUnknown(req, res);
      return;
    }
    const { target } = link;
    const tags = readTags(link.query);
    const handover = await recordVisit(deps, target, tags, req);
    res.setHeader('Cache-Control', 'no-store');
    // The shop sees where its visitors come from, as it would by a direct link.
    res.setHeader('Referrer-Policy', 'strict-origin-when-cross-origin');
    res.statusCode = 302;
    res.setHeader('Location', buildDestination(target, handover, tags));
    res.end();
  });
  router.use('/r', answerApiError);
  return router;
}

const nobodys: Handover = { clickId: null, affiliateId: null };

/** Records what the visit is, and says what of it the destination is told. */
async function recordVisit(
  deps: RedirectDeps,
  target: LinkTarget,
  tags: readonly LinkTag[],
  req: Request,
): Promise<Handover> {
  if (target.isBanned || target.status === 'paused') return nobodys;
  const kind = classifyVisit(req);
  if (kind !== 'visitor') {
    deps.crawlerVisits.record(target, deps.clock.now());
    // What a browser fetched ahead it shows when somebody does come: then the snippet makes a click of `ref`.
    return kind === 'prefetch' ? { clickId: null, affiliateId: target.affiliateId } : nobodys;
  }
  const usage = await countNetwork(deps, req, clickPolicy, { scope: target.linkId ?? target.affiliateId });
  if (usage?.allowed === false) {
    // A visitor must not be held up for what others of the network do; but nobody fills the tables.
    deps.metrics.clicksPastLimit.inc();
    return nobodys;
  }
  const click = toClick(target, tags, req, deps.clock.now());
  await deps.clicks.recordForVisitor(click);
  return { clickId: click.id, affiliateId: click.affiliateId };
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

function toClick(target: LinkTarget, tags: readonly LinkTag[], req: Request, now: Date): Click {
  const texts = new Map(tags.flatMap(({ name, text }) => (text === null ? [] : [[name, text] as const])));
  const utm = Object.fromEntries([...texts].filter(([name]) => isUtm(name)));
  return {
    id: newId('clk'),
    programId: target.programId,
    livemode: target.livemode,
    affiliateId: target.affiliateId,
    offerId: target.offerId,
    linkId: target.linkId,
    occurredAt: now,
    sub1: texts.get('sub1') ?? null,
    sub2: texts.get('sub2') ?? null,
    sub3: texts.get('sub3') ?? null,
    sub4: texts.get('sub4') ?? null,
    sub5: texts.get('sub5') ?? null,
    utm: Object.keys(utm).length === 0 ? null : utm,
    ip: req.ip ?? null,
    userAgent: clipText(req.headers['user-agent'], 512),
    sourceUrl: clipText(req.headers.referer, 2048),
  };
}
