import { postbackPresets } from '../../outbound/postbacks/postback-presets.ts';
import { postbackMacros } from '../../outbound/postbacks/postback-template.ts';
import { codeBlock, escapeHtml, prose, scrollBox } from '../html.ts';

export function renderMacros(): string {
  const rows = Object.entries(postbackMacros).map(
    ([name, description]) => `<tr><td><code>{${name}}</code></td><td>${prose(description)}</td></tr>`,
  );
  return scrollBox(`<table><tr><th>Macro</th><th></th></tr>${rows.join('\n')}</table>`);
}

/** A ready template for each tracker that affiliates use. */
export function renderTrackers(): string {
  return postbackPresets
    .map(({ tracker, url }) => `<h3 id="${tracker.toLowerCase()}">${escapeHtml(tracker)}</h3>${codeBlock(url)}`)
    .join('\n');
}
