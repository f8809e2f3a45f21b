import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { renderEventTypes } from './generated/event-types.ts';
import { renderMacros, renderTrackers } from './generated/postbacks.ts';
import { renderPrograms } from './generated/verify-programs.ts';
import { escapeHtml } from './html.ts';
import { renderMarkdown, type RenderedMarkdown, type ResolvedLink } from './markdown.ts';
import { renderPage, type Menu, type MenuLink } from './page.ts';

const root = new URL('../../', import.meta.url);

/** A Markdown file by its path in the repository, to the name that it is served under; '' is the index. */
const served: ReadonlyMap<string, string> = new Map([
  ['README.md', 'readme'],
  ['src/docs/README.md', ''],
  ...readdirSync(new URL('src/docs/', root))
    .filter((file) => file.endsWith('.md') && file !== 'README.md')
    .map((file): [string, string] => [`src/docs/${file}`, file.slice(0, -'.md'.length)]),
]);

/** The names of all guides. */
export const guideNames: readonly string[] = [...served.values()];

/** What is made from the code: the places in the guides that ask for it name it. */
const generators: Readonly<Record<string, () => string>> = {
  'event-types': renderEventTypes,
  macros: renderMacros,
  trackers: renderTrackers,
  'verify-programs': renderPrograms,
};

/** The address that the guides are written with. */
const WRITTEN_ADDRESS = 'http://localhost:3000';

/** The text of a guide; `address` is that of this hub, so that samples can be copied as they stand. */
export function readGuide(name: string, address: string): RenderedMarkdown {
  const path = [...served].find(([, each]) => each === name)?.[0];
  if (path === undefined) throw new Error(`there is no guide ${name}`);
  const { html, ...rest } = renderMarkdown(readText(path), (href) => resolveLink(path, href), generate);
  return { html: html.replaceAll(WRITTEN_ADDRESS, escapeHtml(address)), ...rest };
}

/** The whole page of a guide. */
export function renderGuide(name: string, address: string): string {
  const { title, html, sections } = readGuide(name, address);
  return renderPage({
    title,
    html,
    sections: name === '' ? [] : sections,
    part: 'guides',
    hub: '../../',
    menu: { title: 'All guides', groups: readMenu(name) },
  });
}

/** Where a link of a file in the repository leads when the file is served under `/docs/guides/`. */
export function resolveLink(from: string, href: string): ResolvedLink {
  if (/^(https?:\/\/|#)/.test(href)) return { href };
  if (/^[a-z]+:|^\//i.test(href)) throw new Error(`${from} links to ${href}: neither a file nor https`);
  const [file = '', fragment] = href.split('#');
  const path = posix.normalize(posix.join(posix.dirname(from), file));
  const name = served.get(path);
  if (name === undefined) return { file: path };
  return { href: (name || './') + (fragment === undefined ? '' : `#${fragment}`) };
}

/** The menu of every page is the list of guides in `src/docs/README.md`: its headings, and the links under them. */
function readMenu(here: string): Menu['groups'] {
  const groups: { title: string; links: MenuLink[] }[] = [];
  for (const line of readText('src/docs/README.md').split('\n')) {
    const heading = /^## (.+)$/.exec(line)?.[1];
    if (heading !== undefined) groups.push({ title: heading, links: [] });
    const [, title = '', href = ''] = /^- \[([^\]]+)\]\(([^)]+)\)/.exec(line) ?? [];
    const target = title === '' ? null : resolveLink('src/docs/README.md', href);
    if (target && 'href' in target)
      groups.at(-1)?.links.push({ title, href: target.href, isHere: target.href === here });
  }
  return groups;
}

function generate(name: string): string {
  const render = generators[name];
  if (!render) throw new Error(`nothing is known as ${name}`);
  return render();
}

function readText(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}
