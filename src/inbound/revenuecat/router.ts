import { Router } from 'express';
import type { Request } from 'express';
import type { Clock } from '../../domain/clock.ts';
import type { Db } from '../../db/db.ts';
import type { Inbox } from '../inbox/inbox.ts';
import type { Logger } from 'pino';
import type { SecretBox } from '../../db/secret-box.ts';
import { AppError } from '../../domain/errors.ts';
import { parseJsonBytes } from '../../domain/json-text.ts';
import { withClicksOfTests } from '../../domain/test-clicks.ts';
import { namedBy } from '../../domain/scope.ts';
import type { Normalized } from '../../domain/facts.ts';
import { listSources, openRevenuecatSecrets } from '../../program/sources.ts';
import type { RevenuecatSource } from '../../program/sources.ts';
import { auditedHeaders, timeOfSignature } from '../../http/audited-headers.ts';
import { readRawBody } from '../../http/raw-body.ts';
import { findSourceByUrl } from '../find-source.ts';
import { catchRefusals } from '../refusals/catch-refusals.ts';
import type { Refusals } from '../refusals/recorder.ts';
import { isBilledByStripe, normalizeRevenueCat } from './normalize.ts';
import { findForgedHeader, findForgery, type Forgery } from './verify.ts';

interface RouterDeps {
  db: Db;
  inbox: Inbox;
  refusals: Refusals;
  secrets: SecretBox;
  log: Logger;
  clock: Clock;
}

/**
 * `POST /in/revenuecat/:id`. RevenueCat takes 200 alone for success and tries five more times, so what is authentic is
 * stored and answered 200, also what is ignored or cannot be read: a retry would bring the same. 401 where the header or
 * the signature is wrong, and nothing is stored.
 */
export function revenuecatRouter(deps: RouterDeps): Router {
  const router = Router({ caseSensitive: true });
  router.post('/in/revenuecat/:id', async (req: Request<{ id: string }>, res) => {
    const source = await findSourceByUrl(deps, 'revenuecat', req);
    const signature = req.get('x-revenuecat-webhook-signature');
    const authorization = req.get('authorization');
    const secrets = await openRevenuecatSecrets(deps.secrets, source);
    const { raw, receivedAt } = await catchRefusals(deps.refusals, req, source, async (seen) => {
      refuseForgery(deps, req, source, findForgedHeader(authorization, secrets));
      const read = (seen.body = await readRawBody(req));
      const now = deps.clock.now();
      refuseForgery(deps, req, source, findForgery({ body: read, authorization, signature }, secrets, now));
      return { raw: read, receivedAt: now };
    });
    const body = parseBody(raw);
    const stripeReports = await doesStripeReport(deps, source, body);
    const normalized = normalizeBody(body, source, receivedAt, stripeReports);
    const { id } = await deps.inbox.append({
      programId: source.programId,
      sourceId: source.id,
      kind: 'revenuecat',
      raw,
      headers: auditedHeaders(req, ['content-type', 'user-agent'], {
        'x-revenuecat-webhook-signature': timeOfSignature(signature),
        [STRIPE_REPORTS]: stripeReports ? 'true' : undefined,
      }),
      normalized,
      receivedAt,
    });
    if (normalized.kind === 'unprocessable') {
      deps.log.warn({ source: source.ref, inboxId: id, problem: normalized.error }, 'revenuecat message unprocessable');
    }
    res.status(200).json({ received: true });
  });
  return router;
}

function refuseForgery(
  { log }: Pick<RouterDeps, 'log'>,
  req: Request<{ id: string }>,
  source: RevenuecatSource,
  forgery: Forgery | null,
): void {
  if (forgery === null) return;
  const { refusal, problem } = forgery;
  req.refusal = refusal;
  log.info({ source: source.ref, problem }, 'revenuecat message refused');
  throw new AppError('UNAUTHORIZED', problem);
}

/** A stored message, read again by the settings of today from the raw bytes and headers of its inbox event. */
export function normalizeStoredRevenueCat(
  stored: { raw: Buffer; headers: Record<string, string>; receivedAt: Date },
  source: RevenuecatSource,
): Normalized {
  return normalizeBody(parseBody(stored.raw), source, stored.receivedAt, stored.headers[STRIPE_REPORTS] === 'true');
}

/** Kept with the message: the program's sources may have changed when it is normalized again. */
const STRIPE_REPORTS = 'stripe-reports';

/** Undefined where the bytes are not JSON: to the normalizer that is one more unknown shape. */
function parseBody(raw: Buffer): unknown {
  try {
    return parseJsonBytes(raw);
  } catch {
    return undefined;
  }
}

function normalizeBody(body: unknown, source: RevenuecatSource, receivedAt: Date, stripeReports: boolean): Normalized {
  const normalized = normalizeRevenueCat(body, {
    amountBasis: source.settings.amountBasis,
    campaignAsCoupon: source.settings.campaignAsCoupon,
    livemode: source.livemode,
    orderScope: source.orderScope === 'source' ? source.id : null,
    receivedAt,
    stripeReports,
  });
  return withClicksOfTests(normalized);
}

/**
 * Whether the same money reaches the program by Stripe's webhooks; only a few stores' events raise the question. A test
 * source of Stripe reports no live money.
 */
async function doesStripeReport(deps: RouterDeps, source: RevenuecatSource, body: unknown): Promise<boolean> {
  const store = (body as { event?: { store?: unknown } } | null | undefined)?.event?.store;
  if (typeof store !== 'string' || !isBilledByStripe({ store })) return false;
  // Sources that are older than the setting have none.
  const setting = source.settings.stripeStores ?? 'auto';
  if (setting !== 'auto') return setting === 'ignore';
  const { items } = await listSources(deps.db, namedBy(source), { kind: 'stripe' }, { limit: 1 });
  return items.length > 0;
}
