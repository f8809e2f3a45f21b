import { Router } from 'express';
import packageFile from '../../package.json' with { type: 'json' };
import { renderIcon } from './icon.ts';

/** `/` for whoever opens the hub in a browser, and the icon that browsers ask for. Machines still learn that nothing is there. */
export function frontRouter(): Router {
  const router = Router({ strict: true, caseSensitive: true });
  const icon = renderIcon();
  router.get('/', (request, response, next) => {
    if (request.accepts(['json', 'html']) === 'html') response.type('html').send(page);
    else next();
  });
  router.get('/favicon.ico', (_request, response) => {
    response.setHeader('Cache-Control', 'public, max-age=86400');
    response.type('image/x-icon').send(icon);
  });
  return router;
}

/** Links are relative, for hubs whose public URL has a path. */
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tributary</title>
<link rel="icon" href="favicon.ico">
<style>
:root { color-scheme: light dark; }
body { max-width: 40rem; margin: 4rem auto; padding: 0 1rem; font: 1.05rem/1.6 system-ui, sans-serif; }
li { margin: 0.4rem 0; }
</style>
</head>
<body>
<h1>Tributary</h1>
<p>Version ${packageFile.version} runs here. Its API is under <code>/api/v1</code> and needs a key.</p>
<ul>
<li><a href="console">Console</a>: what came in, what became of it, who earns what and why</li>
<li><a href="docs/">Reference of the API</a>, and the <a href="openapi.json">OpenAPI document</a></li>
<li><a href="docs/guides/">Guides</a>: what to do first, and everything else</li>
<li><a href="readyz">Whether it is ready</a>, check by check; <a href="health">whether it is up</a></li>
</ul>
</body>
</html>
`;
