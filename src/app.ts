import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { consoleRouter } from './console/router.ts';
import { readAddressesOf } from './http/client-address.ts';
import { answerApiError } from './http/errors.ts';
import { healthRouter } from './http/health.ts';
import { limitPages } from './api/limit-pages.ts';
import { nativeRouter } from './api/native.ts';
import { observeRequests } from './http/request-log.ts';
import { allowEmbedding } from './http/public-access.ts';
import { keepOpenApi, openApiRouter } from './api/openapi-router.ts';
import { redirectRouter } from './api/redirect.ts';
import { visitorClickRouter } from './api/visitor-clicks.ts';
import type { Deps } from './deps.ts';
import { dialectsRouter } from './dialects/all.ts';
import { docsRouter } from './docs/docs-router.ts';
import { frontRouter } from './docs/front-router.ts';
import { AppError } from './domain/errors.ts';
import { postbackRouter } from './inbound/postback/router.ts';
import { revenuecatRouter } from './inbound/revenuecat/router.ts';
import { stripeRouter } from './inbound/stripe/router.ts';

/**
 * Every router of the web process, in the order in which they are tried. /readyz tells whether `state.stopping`; answers
 * without an end (live.ts) end with `stopping`.
 */
export function createApp(deps: Deps, state: { stopping: boolean }, stopping: AbortSignal): Express {
  const app = express();
  app.disable('x-powered-by');
  // A path in other letters is another path: as labels of metrics each spelling would be a time series.
  app.set('case sensitive routing', true);
  readAddressesOf(app, deps.config.trustProxy);
  app.use(observeRequests(deps));

  // Machines call these, and pixels on other sites: they go without the headers that protect pages (measured: 4 of the 33 µs
  // that a postback takes). First what is called most: each route that is tried before it costs.
  app.use(allowEmbedding('/pb/', '/in/'));
  app.use(postbackRouter(deps));
  app.use(stripeRouter(deps));
  app.use(revenuecatRouter(deps));
  app.use(healthRouter(deps, state));

  app.use(securityHeaders(deps.config.publicUrl));
  app.use(redirectRouter(deps));
  app.use(visitorClickRouter(deps));
  app.use('/api/v1', nativeRouter(deps));
  app.use(consoleRouter(deps, stopping));
  app.use(['/docs', '/openapi.json', '/affitor/openapi.json'], limitPages(deps));
  app.use(dialectsRouter(deps));
  app.use(frontRouter());
  const readOpenApi = keepOpenApi(deps);
  app.use(openApiRouter(readOpenApi));
  app.use(docsRouter({ publicUrl: deps.config.publicUrl, readOpenApi }));

  app.use(answerNotFound);
  app.use(answerApiError);
  return app;
}

function securityHeaders(publicUrl: string): RequestHandler {
  return helmet({
    // /docs must also work over plain http on a host that is not localhost.
    contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
    strictTransportSecurity: publicUrl.startsWith('https:'),
  });
}

const answerNotFound: RequestHandler = (req) => {
  throw new AppError('NOT_FOUND', `There is nothing at ${req.method} ${req.path}`);
};
