import { Router, type Request } from 'express';
import type { Clock } from '../../domain/clock.ts';
import type { Config } from '../../process/config.ts';
import type { Db } from '../../db/db.ts';
import type { Inbox } from '../inbox/inbox.ts';
import type { Logger } from 'pino';
import type { SecretBox } from '../../db/secret-box.ts';
import { validationError } from '../../domain/errors.ts';
import { openStripeSecrets } from '../../program/sources.ts';
import { auditedHeaders, timeOfSignature } from '../../http/audited-headers.ts';
import { readRawBody } from '../../http/raw-body.ts';
import { findSourceByUrl } from '../find-source.ts';
import { catchRefusals } from '../refusals/catch-refusals.ts';
import type { Refusals } from '../refusals/recorder.ts';
import { readStripeBody } from './body.ts';
import { verifySignature } from './verify.ts';

interface RouterDeps {
  db: Db;
  inbox: Inbox;
  refusals: Refusals;
  secrets: SecretBox;
  config: Config;
  log: Logger;
  clock: Clock;
}

/**
 * `POST /in/stripe/:id`, the endpoint to enter at Stripe (docs.stripe.com/webhooks, read 2026-11). Whatever is authentic
 * is stored and answered 200, also what is ignored or cannot be read: a retry would bring the same. Only the store being
 * away (503) makes Stripe send it again. What is not authentic is answered 400, and nothing of it is stored.
 */
export function stripeRouter(deps: RouterDeps): Router {
  const router = Router({ caseSensitive: true });
  router.post('/in/stripe/:id', async (req: Request<{ id: string }>, res) => {
    const source = await findSourceByUrl(deps, 'stripe', req);
    const { signingSecrets } = await openStripeSecrets(deps.secrets, source);
    const signature = req.get('stripe-signature');
    const { raw, receivedAt } = await catchRefusals(deps.refusals, req, source, async (seen) => {
      const body = (seen.body = await readRawBody(req));
      const now = deps.clock.now();
      const verdict = verifySignature(body, signature, signingSecrets, now);
      if (verdict.authentic) return { raw: body, receivedAt: now };
      deps.log.info({ source: source.ref, problem: verdict.problem }, 'stripe message refused');
      req.refusal = verdict.refusal;
      throw validationError(verdict.problem);
    });
    const normalized = readStripeBody(raw, { livemode: source.livemode, receivedAt });
    const { id } = await deps.inbox.append({
      programId: source.programId,
      sourceId: source.id,
      kind: 'stripe',
      raw,
      headers: auditedHeaders(req, ['content-type', 'user-agent'], { 'stripe-signature': timeOfSignature(signature) }),
      normalized,
    });
    if (normalized.kind === 'unprocessable') {
      deps.log.warn({ source: source.ref, inboxId: id, problem: normalized.error }, 'stripe message unprocessable');
    }
    res.json({ received: true });
  });
  return router;
}
