import { postbackPresets } from '../outbound/postbacks/postback-presets.ts';
import { postbackMacros } from '../outbound/postbacks/postback-template.ts';
import { codeBlock, escapeHtml, prose, renderPage } from './html.ts';

/** Postbacks out, for those who set them up in their tracker. */
export function renderPostbacksPage(): string {
  const macros = Object.entries(postbackMacros).map(
    ([name, description]) => `<tr><td><code>{${name}}</code></td><td>${prose(description)}</td></tr>`,
  );
  const presets = postbackPresets.map(({ tracker, url }) => `<h3>${escapeHtml(tracker)}</h3>${codeBlock(url)}`);
  return renderPage(
    'Postbacks',
    `${intro}<table><tr><th>Macro</th><th></th></tr>${macros.join('\n')}</table>${forms}<h2>Trackers</h2>${presets.join('\n')}`,
  );
}

const intro = `
<p>An affiliate's <code>postbackUrl</code>, and a program's endpoint of kind <code>postback</code>, are URL templates.
They are fired when a commission is recorded, and again when its status or amount changes if the template uses
<code>{status}</code> or <code>{payout}</code>. One conversion never fires the same request twice, tests fire none, and what
fails is tried again like any webhook. <code>POST /api/v1/postback-previews</code> shows what a template would fire.</p>`;

const forms = `
<p>Values are URL-encoded (in a body that is JSON: escaped).</p>
<ul>
<li><code>{sub3|none}</code>: <code>none</code> stands in for an empty value.</li>
<li><code>{status:lead=0,sale=1,*=2}</code> maps values; <code>*</code> is all else. Beside our own words, status maps know
those of trackers: lead, hold, sale, rejected.</li>
<li><code>{date:Y-m-d H:i:s,Europe/Berlin}</code>, <code>{date:YYYY-MM-DD,UTC}</code> and
<code>{date:%Y-%m-%d,UTC}</code> are the same day.</li>
</ul>`;
