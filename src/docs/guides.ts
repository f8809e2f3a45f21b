import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { renderEventTypes } from './generated/event-types.ts';
import { renderMacros, renderTrackers } from './generated/postbacks.ts';
import { renderPrograms } from './generated/verify-programs.ts';
import { renderMarkdown, type ResolvedLink } from './markdown.ts';
import { renderPage, type Menu } from './page.ts';

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

/** The whole page of a guide. */
export function renderGuide(name: string): string {
  const path = [...served].find(([, each]) => each === name)?.[0];
  if (path === undefined) throw new Error(`there is no guide ${name}`);
  const { title, html, sections } = renderMarkdown(readText(path), (href) => resolveLink(path, href), generate);
  return renderPage({ name, title, html, sections, menu: readMenu() });
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
function readMenu(): Menu {
  const menu: Menu = [];
  for (const line of readText('src/docs/README.md').split('\n')) {
    const heading = /^## (.+)$/.exec(line)?.[1];
    if (heading !== undefined) menu.push({ title: heading, guides: [] });
    const [, title = '', href = ''] = /^- \[([^\]]+)\]\(([^)]+)\)/.exec(line) ?? [];
    const target = title === '' ? null : resolveLink('src/docs/README.md', href);
    if (target && 'href' in target) menu.at(-1)?.guides.push({ title, name: target.href });
  }
  return menu;
}

function generate(name: string): string {
  const render = generators[name];
  if (!render) throw new Error(`nothing is known as ${name}`);
  return render();
}

function readText(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}
