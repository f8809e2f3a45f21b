import type { IncomingMessage } from 'node:http';
import { isCrawler } from './crawlers.ts';

/** Who asks for a link: somebody who means to come, a browser that fetches ahead of them, or a machine that looks. */
export type VisitKind = 'visitor' | 'prefetch' | 'crawler';

/** HEAD is for previews and uptime checks, which are no visits. */
export function classifyVisit({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): VisitKind {
  if (method === 'HEAD' || isCrawler(headers['user-agent'])) return 'crawler';
  return purposes.some((name) => /\b(?:prefetch|prerender|preview)\b/i.test(String(headers[name] ?? '')))
    ? 'prefetch'
    : 'visitor';
}

/** As browsers have said it over the years: Chromium, all of them before, Safari and Facebook's, Firefox. */
const purposes = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'];
