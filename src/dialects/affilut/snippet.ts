import { Router } from 'express';
import { serveScript } from '../scripts.ts';

/** `/snippet.js`: the checkout snippet of https://affilut.com/docs (read 2026-11), which also keeps our click id. */
export function snippetRouter(): Router {
  const router = Router({ caseSensitive: true });
  serveScript(router, ['/snippet.js'], new URL('snippet.js', import.meta.url));
  return router;
}
