import { readFileSync } from 'node:fs';
import { codeBlock, renderPage } from './html.ts';

const languages = [
  { name: 'Node', file: 'verify-webhook.mjs' },
  { name: 'Python', file: 'verify_webhook.py' },
  { name: 'PHP', file: 'verify-webhook.php' },
  { name: 'Ruby', file: 'verify_webhook.rb' },
  { name: 'Go', file: 'verify_webhook.go' },
] as const;

/** How receivers check a signature; the programs shown are whole files, so that they can be run as they are. */
export function renderVerifyPage(): string {
  const programs = languages.map(
    ({ name, file }) =>
      `<h2>${name}</h2>${codeBlock(readFileSync(new URL(`examples/${file}`, import.meta.url), 'utf8'))}`,
  );
  return renderPage('Verify a webhook', intro + programs.join('\n'));
}

const intro = `
<p>Events are signed as <a href="https://www.standardwebhooks.com">Standard Webhooks</a> says, with the endpoint's secret
(<code>whsec_…</code>, shown once when the endpoint is created or its secret rotated). The headers
<code>webhook-id</code>, <code>webhook-timestamp</code> and <code>webhook-signature</code> carry the signature, and
<code>svix-id</code>, <code>svix-timestamp</code> and <code>svix-signature</code> the same values, so that the libraries of
both names verify it.</p>
<ul>
<li>Verify the bytes as they came, before anything parses them.</li>
<li>The libraries refuse what is older than five minutes; keep the receiver's clock right.</li>
<li>While a secret is being rotated there are two signatures; one that fits is enough, and the libraries know.</li>
<li><code>webhook-id</code> is the same in every attempt: remember it, and nothing is done twice.</li>
<li>Answer 2xx at once and do the work afterwards. 410 tells the hub to stop for good.</li>
</ul>`;
