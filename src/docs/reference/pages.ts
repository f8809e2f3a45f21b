import { eventTypes } from '../../outbound/events/event-types.ts';
import { codeBlock, escapeHtml, prose } from '../html.ts';
import { renderMarkdown } from '../markdown.ts';
import { renderPage, type Menu } from '../page.ts';
import type { Reference, Tag } from './document.ts';
import { renderOperation } from './operation.ts';

/** `/docs/`: what holds for every call, and a list of all calls and all events. */
export function renderOverview(reference: Reference): string {
  const { introduction, address, version, tags } = reference;
  const { html } = renderMarkdown(
    introduction,
    (href) => ({ href }),
    () => '',
  );
  const lists = tags.map((tag) => {
    const items = tag.operations.map(({ operationId, summary, method, path }) => {
      const link = `<a href="reference/${tag.slug}#${operationId}">${prose(summary)}</a>`;
      return `<li>${link} <span class="call"><span class="method">${method}</span> <code>${escapeHtml(path)}</code></span></li>`;
    });
    return `<h2 id="${tag.slug}"><a href="reference/${tag.slug}">${escapeHtml(tag.title)}</a></h2>
<ul class="calls">${items.join('\n')}</ul>`;
  });
  const sent = Object.entries(eventTypes).map(([type, { description }]) => {
    return `<li><a href="guides/events#${type}"><code>${type}</code></a> ${prose(description)}</li>`;
  });
  return renderPage({
    title: 'API reference',
    html: `${html}
<p>The samples use this hub's address and your key from the shell, since no page can read it:</p>
${codeBlock(`KEY=sk_test_...\ncurl ${address}/api/v1/me -H "Authorization: Bearer $KEY"`)}
<p>Version ${escapeHtml(version)}. For generators of clients: <a href="../openapi.json">the OpenAPI 3.1 document</a>.</p>
${lists.join('\n')}
<h2 id="event-types">What the hub sends</h2>
<ul class="calls">${sent.join('\n')}</ul>`,
    sections: [],
    part: 'reference',
    hub: '../',
    menu: menuOf(reference, 'reference/', './', null),
  });
}

/** `/docs/reference/TAG`: every call of a tag. */
export function renderTag(tag: Tag, reference: Reference): string {
  return renderPage({
    title: tag.title,
    html: tag.operations.map((operation) => renderOperation(operation, reference)).join('\n'),
    sections: [],
    part: 'reference',
    hub: '../../',
    menu: menuOf(reference, '', '../', tag),
  });
}

function menuOf({ tags }: Reference, toTags: string, toDocs: string, here: Tag | null): Menu {
  const links = tags.map((tag) => ({
    title: tag.title,
    href: toTags + tag.slug,
    isHere: tag === here,
    inside:
      tag === here
        ? tag.operations.map(({ operationId, summary }) => ({ title: summary, href: `#${operationId}` }))
        : [],
  }));
  return {
    title: 'All calls',
    groups: [
      {
        title: 'Overview',
        links: [
          { title: 'What holds for every call', href: toDocs, isHere: here === null },
          { title: 'Events that are sent', href: `${toDocs}guides/events` },
        ],
      },
      { title: 'Calls', links },
    ],
  };
}
