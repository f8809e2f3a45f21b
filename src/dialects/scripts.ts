import { readFileSync } from 'node:fs';
import type { Router } from 'express';
import { allowAnyOrigin } from '../http/public-access.ts';

/**
 * Serves a script that pages on other sites load; `file` is beside the module that names it. Kept by browsers for an hour,
 * so that a new version is everywhere on the day it ships.
 */
export function serveScript(router: Router, paths: string[], file: URL): void {
  const text = readFileSync(file);
  router.all(paths, allowAnyOrigin);
  router.get(paths, (_req, res) => {
    res.setHeader('Content-Type', 'text/javascript; charset=utf-8');
    res.setHeader('Cache-Control', 'public, max-age=3600');
    res.send(text);
  });
}
