import { escapeHtml } from './html.ts';

/** Groups of guides, as every page lists them. */
export type Menu = { title: string; guides: { title: string; name: string }[] }[];

export interface PageContent {
  /** The last part of its address; '' for the index. */
  name: string;
  title: string;
  html: string;
  sections: readonly { id: string; title: string }[];
  menu: Menu;
}

/** Fewer sections are seen at a glance. */
const SECTIONS_WORTH_A_LIST = 4;

/** A whole page, with nothing from elsewhere and no script. All links are relative: the hub may stand under a path. */
export function renderPage({ name, title, html, sections, menu }: PageContent): string {
  const contents = sections.length >= SECTIONS_WORTH_A_LIST && name !== '' ? renderContents(sections) : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} - Tributary</title>
<link rel="stylesheet" href="guides.css">
</head>
<body>
<header><a class="brand" href="./">Tributary</a> <a href="./">Guides</a> <a href="../">API reference</a></header>
<div class="columns">
<main>
<h1>${escapeHtml(title)}</h1>
${contents}${html}
</main>
<nav aria-label="Guides">${menu.map((group) => renderGroup(group, name)).join('\n')}</nav>
</div>
</body>
</html>
`;
}

function renderContents(sections: PageContent['sections']): string {
  const items = sections.map(({ id, title }) => `<li><a href="#${escapeHtml(id)}">${escapeHtml(title)}</a></li>`);
  return `<nav class="contents" aria-label="On this page"><ul>${items.join('')}</ul></nav>\n`;
}

function renderGroup({ title, guides }: Menu[number], current: string): string {
  const items = guides.map((guide) => {
    const here = guide.name === current ? ' aria-current="page"' : '';
    return `<li><a href="${escapeHtml(guide.name)}"${here}>${escapeHtml(guide.title)}</a></li>`;
  });
  return `<h2>${escapeHtml(title)}</h2><ul>${items.join('')}</ul>`;
}
