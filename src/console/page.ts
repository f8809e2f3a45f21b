/**
 * The page of every address of the console: a skeleton that is seen before any script has come, and where the app starts.
 * `base` is where the console is.
 */
export function renderSkeleton(base: string, { entry, styles }: { entry: string; styles: string }): string {
  const hub = base.replace(/console$/, '');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="console-base" content="${base}">
<title>Tributary</title>
<link rel="icon" href="${hub}favicon.ico">
<script src="${hub}docs/assets/theme.js"></script>
<link rel="stylesheet" href="${base}/assets/${styles}">
<script type="module" src="${base}/assets/${entry}"></script>
</head>
<body>
<div id="app" class="frame">
<header class="top"><span class="brand">Tributary</span></header>
<nav class="side" aria-label="Loading"></nav>
<main class="page"><p class="quiet">Loading the console …</p>
<noscript><p>The console needs JavaScript. The <a href="${hub}docs/">API</a> does not.</p></noscript></main>
</div>
</body>
</html>
`;
}
