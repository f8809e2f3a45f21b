import { Router } from 'express';
import { renderEventsPage } from './events-page.ts';
import { renderPostbacksPage } from './postbacks-page.ts';
import { renderVerifyPage } from './verify-page.ts';

const guides: Readonly<Record<string, () => string>> = {
  events: renderEventsPage,
  'verify-a-webhook': renderVerifyPage,
  postbacks: renderPostbacksPage,
};

/** `/docs/guides/…`: what the API reference does not tell. Each page is made when it is first asked for. */
export function guidesRouter(): Router {
  const router = Router();
  const pages = new Map<string, string>();
  for (const [name, render] of Object.entries(guides)) {
    router.get(`/docs/guides/${name}`, (_request, response) => {
      const page = pages.get(name) ?? render();
      pages.set(name, page);
      response.type('html').send(page);
    });
  }
  return router;
}
