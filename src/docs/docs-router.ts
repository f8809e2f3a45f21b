import { fileURLToPath } from 'node:url';
import express, { Router, type RequestHandler } from 'express';
import { compress, sendCompressed, type Compressed } from '../http/compressed.ts';
import { pageContentPolicy } from '../http/page-content-policy.ts';
import { loadAssets } from './assets.ts';
import { guideNames, renderGuide } from './guides.ts';
import { readReference, type Reference } from './reference/document.ts';
import { renderOverview, renderTag } from './reference/pages.ts';
import { listEntries } from './search-index.ts';

const pictures = fileURLToPath(new URL('pictures', import.meta.url));

export interface DocsDeps {
  /** What samples call. */
  publicUrl: string;
  /** The text of the OpenAPI document. */
  readOpenApi: () => string;
}

/**
 * `/docs/`: the reference of the API, the guides, and the search over both. What is asked for is made then, and kept: most of
 * it never is, and reading the document takes longer than a process should take to start.
 */
export function docsRouter({ publicUrl, readOpenApi }: DocsDeps): Router {
  const router = Router({ strict: true, caseSensitive: true });
  const reference = (): Reference => readReference(readOpenApi());
  router.use('/docs', pageContentPolicy);
  router.get('/docs', (_request, response) => response.redirect(301, 'docs/'));
  router.get('/docs/guides', (_request, response) => response.redirect(301, 'guides/'));
  router.get('/docs/reference', (_request, response) => response.redirect(301, './'));
  router.get(
    '/docs/',
    sendKept(() => renderOverview(reference()), 'text/html'),
  );
  for (const name of guideNames) {
    router.get(
      `/docs/guides/${name}`,
      sendKept(() => renderGuide(name, publicUrl), 'text/html'),
    );
  }
  const search = async (): Promise<string> => JSON.stringify(await listEntries(publicUrl, reference));
  router.get('/docs/search.json', sendKept(search, 'application/json'));
  router.get('/docs/reference/:tag', sendTag(reference));
  router.use('/docs/pictures', express.static(pictures, { index: false, redirect: false }));
  router.get('/docs/assets/:name', async (request, response, next) => {
    const asset = (await loadAssets()).get(request.params.name);
    // Names stay the same over versions: whoever kept one asks whether it is still that.
    response.setHeader('Cache-Control', 'no-cache');
    if (asset) sendCompressed(request, response, asset);
    else next();
  });
  return router;
}

function sendKept(make: () => string | Promise<string>, type: string): RequestHandler {
  let kept: Compressed | null = null;
  return async (request, response) => {
    kept ??= compress(await make(), type);
    sendCompressed(request, response, kept);
  };
}

/** Which tags there are is known once one is asked for. */
function sendTag(reference: () => Reference): RequestHandler<{ tag: string }> {
  const kept = new Map<string, Compressed>();
  return (request, response, next) => {
    const { tag: slug } = request.params;
    let page = kept.get(slug);
    if (!page) {
      const whole = reference();
      const tag = whole.tags.find((each) => each.slug === slug);
      if (!tag) {
        next();
        return;
      }
      page = compress(renderTag(tag, whole), 'text/html');
      kept.set(slug, page);
    }
    sendCompressed(request, response, page);
  };
}
