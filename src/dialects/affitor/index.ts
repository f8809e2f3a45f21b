import { Router, type RequestHandler } from 'express';
import type { Deps } from '../../deps.ts';
import type { Dialect } from '../dialect.ts';
import { serveScript } from '../scripts.ts';
import { clickRoute } from './click.ts';
import { renderAffitorError } from './errors.ts';
import { leadRoute } from './lead.ts';
import { buildAffitorOpenApi } from './openapi.ts';
import { refundRoute } from './refund.ts';
import { saleRoute } from './sale.ts';

/** The tracking API that https://docs.affitor.com/api-reference documents (read 2026-11). */
export const affitor: Dialect = {
  name: 'affitor',
  base: '/affitor',
  credentials: ['bearer'],
  routes: [clickRoute, leadRoute, saleRoute, refundRoute],
  renderError: renderAffitorError,
};

/** Beside its routes: the browser script, and the OpenAPI document. */
export function affitorFiles(deps: Pick<Deps, 'config'>): RequestHandler {
  const router = Router({ caseSensitive: true });
  let document: string | null = null;
  router.get('/openapi.json', (_req, res) => {
    // Made when first asked for: it takes longer than a process should take to start.
    document ??= JSON.stringify(buildAffitorOpenApi(deps.config.publicUrl));
    res.setHeader('Content-Type', 'application/json; charset=utf-8');
    res.send(Buffer.from(document));
  });
  serveScript(router, ['/affitor-tracker.js', '/js/affitor-tracker.js'], new URL('tracker.js', import.meta.url));
  return router;
}
