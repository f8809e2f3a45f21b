import type { Request } from 'express';
import { AppError } from '../domain/errors.ts';

/** A page of another site cannot send it without asking first, which nobody answers. */
export const CONSOLE_HEADER = 'tributary-console';

const safeMethods = new Set(['GET', 'HEAD']);

/**
 * Lets nothing be changed by pages of other sites, whose requests bring the cookie along: what is not a mere look has to come
 * from our own page, as the browser says, and by a script of it. Throws INSUFFICIENT_PERMISSIONS.
 */
export function requireSameOrigin(req: Request): void {
  if (safeMethods.has(req.method)) return;
  if (req.get(CONSOLE_HEADER) !== undefined && isSameOrigin(req)) return;
  throw new AppError('INSUFFICIENT_PERMISSIONS', 'The console takes this from its own pages only');
}

/** By `Sec-Fetch-Site`, which no page can forge; a browser that does not send it (old, or plain http) sends the origin. */
function isSameOrigin(req: Request): boolean {
  const site = req.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const origin = req.get('origin');
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === req.host;
}
