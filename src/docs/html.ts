/** Text as it may stand in HTML, in an attribute too. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escaped, with what stands between backticks as code. */
export function prose(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

export function codeBlock(text: string): string {
  return `<pre><code>${escapeHtml(text.trimEnd())}</code></pre>`;
}

/** A whole page, with nothing from elsewhere. */
export function renderPage(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} - Tributary</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
  code, pre { font: 14px/1.45 ui-monospace, monospace; background: #f4f4f2 }
  pre { padding: 1rem; overflow-x: auto } code { padding: 0 .2em } pre code { padding: 0 }
  table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid #ddd } h2 { margin-top: 2.5rem } nav a { margin-right: 1rem }
</style>
</head>
<body>
<nav><a href="../">API reference</a> <a href="events">Events</a> <a href="verify-a-webhook">Verify a webhook</a>
<a href="postbacks">Postbacks</a></nav>
<h1>${escapeHtml(title)}</h1>
${content}
</body>
</html>
`;
}
