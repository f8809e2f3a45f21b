import { Router } from 'express';
import packageFile from '../../package.json' with { type: 'json' };
import { pageContentPolicy } from '../http/page-content-policy.ts';
import { renderIcon } from './icon.ts';
import { renderDocument } from './page.ts';

/** `/` for whoever opens the hub in a browser, and the icon that browsers ask for. Machines still learn that nothing is there. */
export function frontRouter(): Router {
  const router = Router({ strict: true, caseSensitive: true });
  const icon = renderIcon();
  router.get('/', pageContentPolicy, (request, response, next) => {
    if (request.accepts(['json', 'html']) === 'html') response.type('html').send(page);
    else next();
  });
  router.get('/favicon.ico', (_request, response) => {
    response.setHeader('Cache-Control', 'public, max-age=86400');
    response.type('image/x-icon').send(icon);
  });
  return router;
}

const ways = [
  {
    href: 'console',
    title: 'Console',
    words: 'What came in, what became of it, who earns what and why, who was told.',
  },
  {
    href: 'docs/guides/',
    title: 'Guides',
    words: 'What to do first: connect Stripe, RevenueCat, a tracker or your own backend; pay.',
  },
  { href: 'docs/', title: 'API reference', words: 'Every call with its fields, an example, and a line to copy.' },
];

const page = renderDocument({
  title: 'Tributary',
  part: null,
  hub: '',
  tools: '',
  body: `<main class="front">
<h1>Tributary</h1>
<p class="lead">The postback and webhook hub of an affiliate program. Stripe, RevenueCat, trackers and your backend tell it of sales;
it finds out which affiliate earned what, keeps an exact ledger, explains every cent, and tells every subscriber.</p>
<ul class="ways">${ways
    .map(({ href, title, words }) => `<li><a href="${href}">${title}</a><p>${words}</p></li>`)
    .join('\n')}</ul>
<p class="quiet">Version ${packageFile.version} runs here: <a href="readyz">is it ready?</a> (check by check),
<a href="health">is it up?</a> Programs find the API under <code>api/v1</code> and its description at
<a href="openapi.json">openapi.json</a>.</p>
</main>`,
});
