import { readFileSync } from 'node:fs';
import { Router } from 'express';
import { guideNames, renderGuide } from './guides.ts';

/** `/docs/guides/…`: what the API reference does not tell. A page is made when it is first asked for, and kept. */
export function guidesRouter(): Router {
  const router = Router({ strict: true, caseSensitive: true });
  const pages = new Map<string, string>();
  router.get('/docs/guides', (_request, response) => {
    response.redirect(301, 'guides/');
  });
  router.get('/docs/guides/guides.css', (_request, response) => {
    const styles = pages.get('guides.css') ?? readFileSync(new URL('guides.css', import.meta.url), 'utf8');
    pages.set('guides.css', styles);
    response.type('css').send(styles);
  });
  for (const name of guideNames) {
    router.get(`/docs/guides/${name}`, (_request, response) => {
      const page = pages.get(name) ?? renderGuide(name);
      pages.set(name, page);
      response.type('html').send(page);
    });
  }
  return router;
}
