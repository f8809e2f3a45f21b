import { Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import type { Deps } from '../deps.ts';
import { nativeRoutes } from './native.ts';
import { buildOpenApi } from './openapi.ts';

/** `/openapi.json`, and `/docs`, which renders it and loads nothing from other sites. */
export function docsRouter({ config }: Pick<Deps, 'config'>): Router {
  const router = Router({ strict: true, caseSensitive: true });
  let document: string | null = null;
  router.get('/openapi.json', (_req, res) => {
    // Made when first asked for: it takes longer than a process should take to start.
    document ??= JSON.stringify(buildOpenApi(nativeRoutes, config.publicUrl));
    res.type('json').send(document);
  });
  // The page names its files and the document relative to itself.
  router.get('/docs', (req, res) => {
    res.redirect(301, `${req.baseUrl}docs/`);
  });
  const page = swaggerUi
    .generateHTML(undefined, {
      customSiteTitle: 'Tributary API',
      // Otherwise the page asks a validator on the internet for a badge.
      swaggerOptions: { url: '../openapi.json', validatorUrl: null },
    })
    .replace('<div id="swagger-ui">', (reference) => guidesLine + reference);
  router.use('/docs', swaggerUi.serve);
  router.get('/docs/', (_req, res) => {
    res.send(page);
  });
  return router;
}

/** The reference says what each call takes and answers; the guides say everything else. */
const guidesLine = `<nav aria-label="Guides" style="padding:12px 20px;font:16px/1.5 system-ui,sans-serif;color:#1f2328">
<a href="guides/"><b>Guides</b></a>: <a href="guides/walk">a walk</a>, <a href="guides/sources">sources</a>,
<a href="guides/webhooks">webhooks</a>, <a href="guides/configuration">configuration</a> and more</nav>
`;
