import { Router } from 'express';
import type { Deps } from '../deps.ts';
import { affilut } from './affilut/index.ts';
import { snippetRouter } from './affilut/snippet.ts';
import { affitor, affitorFiles } from './affitor/index.ts';
import { affspace, affspaceRouter } from './affspace/index.ts';
import type { Dialect } from './dialect.ts';
import { attro } from './attro/index.ts';
import { dialectRouter } from './mount.ts';
import { refgrow } from './refgrow/index.ts';

export const dialects: readonly Dialect[] = [attro, affspace, affilut, affitor, refgrow];

/** Every dialect, mounted at its base. */
export function dialectsRouter(deps: Deps): Router {
  const router = Router({ caseSensitive: true });
  router.use(attro.base, dialectRouter(deps, attro));
  router.use(affspace.base, affspaceRouter(deps));
  router.use(snippetRouter());
  router.use(affilut.base, dialectRouter(deps, affilut));
  router.use(affitor.base, dialectRouter(deps, affitor, [affitorFiles(deps)]));
  router.use(refgrow.base, dialectRouter(deps, refgrow));
  return router;
}
