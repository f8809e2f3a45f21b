import { escapeHtml } from './html.ts';

export interface PageContent {
  title: string;
  html: string;
  /** Shown as a list of their own where they are many. */
  sections: readonly { id: string; title: string }[];
  /** Which part of the hub's pages it is of. */
  part: keyof typeof parts | null;
  /** The way up to where the hub begins: '', '../' or '../../'. All links are relative: the hub may stand under a path. */
  hub: string;
  /** What stands at the left. */
  menu: Menu;
}

export interface Menu {
  /** Of what it is the list. */
  title: string;
  groups: readonly { title: string; links: readonly MenuLink[] }[];
}

export interface MenuLink {
  title: string;
  href: string;
  isHere?: boolean;
  /** What is on the page itself. */
  inside?: readonly MenuLink[];
}

const parts = {
  guides: { title: 'Guides', href: 'docs/guides/' },
  reference: { title: 'API reference', href: 'docs/' },
  console: { title: 'Console', href: 'console' },
};

/** Fewer sections are seen at a glance. */
const SECTIONS_WORTH_A_LIST = 4;

/** A whole page of the guides or the reference. Without scripts it lacks the search and the choice of light or dark. */
export function renderPage({ title, html, sections, part, hub, menu }: PageContent): string {
  const contents = sections.length < SECTIONS_WORTH_A_LIST ? '' : renderContents(sections);
  return renderDocument({
    title: `${title} - Tributary`,
    part,
    hub,
    tools: `<a class="to-menu" href="#page-menu">${menu.title}</a>`,
    body: `<div class="columns">
<main${contents === '' ? '' : ' class="with-contents"'}>
<h1>${escapeHtml(title)}</h1>
${contents}<div class="text">
${html}
</div>
</main>
<nav id="page-menu" class="side" aria-label="${menu.title}">${menu.groups.map(renderGroup).join('\n')}</nav>
</div>`,
  });
}

interface DocumentContent extends Pick<PageContent, 'title' | 'part' | 'hub'> {
  /** Stands at the right of the ways to the parts. */
  tools: string;
  body: string;
}

/** What is around every page. The first script is small and comes before the page, so that no page flashes white. */
export function renderDocument({ title, part, hub, tools, body }: DocumentContent): string {
  const links = Object.entries(parts).map(([name, { title: text, href }]) => {
    return `<a href="${hub}${href}"${name === part ? ' aria-current="true"' : ''}>${text}</a>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${hub}favicon.ico">
<link rel="stylesheet" href="${hub}docs/assets/docs.css">
<script src="${hub}docs/assets/theme.js"></script>
<script type="module" src="${hub}docs/assets/docs.js"></script>
</head>
<body>
<header class="top">
<a class="brand" href="${hub || './'}">Tributary</a>
<nav aria-label="Parts">${links.join(' ')}</nav>
<span class="push"></span>
${tools}
<button type="button" class="search-open scripted">Search <kbd>/</kbd></button>
<select class="theme scripted" aria-label="Theme">
<option value="system">as the system</option><option value="light">light</option><option value="dark">dark</option>
</select>
</header>
${body}
<dialog id="search-dialog" aria-label="Search">
<input type="search" role="combobox" aria-label="What to look for" aria-expanded="false" aria-controls="search-hits" autocomplete="off">
<p role="status" class="quiet"></p>
<ul id="search-hits" class="hits" role="listbox" aria-label="Found"></ul>
</dialog>
</body>
</html>
`;
}

function renderContents(sections: PageContent['sections']): string {
  const items = sections.map(({ id, title }) => `<li><a href="#${escapeHtml(id)}">${escapeHtml(title)}</a></li>`);
  return `<nav class="contents" aria-label="On this page"><ul>${items.join('')}</ul></nav>\n`;
}

function renderGroup({ title, links }: Menu['groups'][number]): string {
  return `<h2>${escapeHtml(title)}</h2>${renderLinks(links)}`;
}

function renderLinks(links: readonly MenuLink[]): string {
  const items = links.map(({ title, href, isHere = false, inside = [] }) => {
    const link = `<a href="${escapeHtml(href)}"${isHere ? ' aria-current="page"' : ''}>${escapeHtml(title)}</a>`;
    return `<li>${link}${inside.length > 0 ? renderLinks(inside) : ''}</li>`;
  });
  return `<ul>${items.join('')}</ul>`;
}
