import { Router, type Request, type RequestHandler, type Response } from 'express';
import { limitPages } from '../api/limit-pages.ts';
import { nativeRouter } from '../api/native.ts';
import type { Deps } from '../deps.ts';
import { AppError } from '../domain/errors.ts';
import { sendCompressed } from '../http/compressed.ts';
import { pageContentPolicy } from '../http/page-content-policy.ts';
import { admitSession } from './admit-session.ts';
import { loadAssets } from './asset-store.ts';
import { liveRoutes } from './live.ts';
import { renderSkeleton } from './page.ts';
import { consolePath } from './session-cookie.ts';
import { sessionRoutes } from './session-routes.ts';

const YEAR_S = 31_536_000;

/**
 * `/console`: the pages, their files, signing in, the native API for whoever is signed in, and what comes in meanwhile, told
 * until `stopping`.
 */
export function consoleRouter(deps: Deps, stopping: AbortSignal): Router {
  const base = consolePath(deps.config.publicUrl);
  const router = Router({ strict: true, caseSensitive: true });
  router.use('/console', pageContentPolicy);
  const native = nativeRouter(deps, admitSession);
  router.use('/console/api/in/:program/:mode', placeByAddress, native);
  router.use('/console/api', native);
  router.use('/console', limitPages(deps), sessionRoutes(deps), liveRoutes(deps, stopping));
  router.get('/console/assets/:name', sendAsset);
  router.get(['/console', '/console/*path'], async (req, res, next) => {
    if (!req.accepts('html')) {
      next();
      return;
    }
    const assets = await loadAssets();
    res.setHeader('Cache-Control', 'no-cache');
    res.type('html').send(renderSkeleton(base, assets));
  });
  return router;
}

/** For links to files, which carry no headers: their address says in which program and mode. */
const placeByAddress: RequestHandler<{ program: string; mode: string }> = (req, _res, next) => {
  req.headers['tributary-program'] = req.params.program;
  req.headers['tributary-mode'] = req.params.mode;
  next();
};

/** A name says what is in it, so it may be kept for good. One of another version is nowhere any more: the app loads itself anew. */
async function sendAsset(req: Request<{ name: string }>, res: Response): Promise<void> {
  const { files } = await loadAssets();
  const asset = files.get(req.params.name);
  if (!asset) throw new AppError('NOT_FOUND', `There is no file ${req.params.name} in this version of the console`);
  res.setHeader('Cache-Control', `public, max-age=${YEAR_S}, immutable`);
  sendCompressed(req, res, asset);
}
