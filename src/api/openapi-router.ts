import { Router } from 'express';
import type { Deps } from '../deps.ts';
import { nativeRoutes } from './native.ts';
import { buildOpenApi } from './openapi.ts';

/** The document as text, made when first asked for: it takes longer than a process should take to start. */
export function keepOpenApi({ config }: Pick<Deps, 'config'>): () => string {
  let text: string | null = null;
  return () => (text ??= JSON.stringify(buildOpenApi(nativeRoutes, config.publicUrl)));
}

/** `/openapi.json`. */
export function openApiRouter(readOpenApi: () => string): Router {
  const router = Router({ strict: true, caseSensitive: true });
  router.get('/openapi.json', (_req, res) => {
    res.type('json').send(readOpenApi());
  });
  return router;
}
