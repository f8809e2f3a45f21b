import { setImmediate } from 'node:timers/promises';
import { guideNames, readGuide } from './guides.ts';
import { textOf } from './html.ts';
import type { Operation, Reference } from './reference/document.ts';
import { optionsOf, type Follow } from './reference/schema.ts';

/** A place that can be found: a section of a guide, or a call. */
export interface SearchEntry {
  kind: 'guide' | 'event' | 'call';
  title: string;
  /** Of what it is a part; of a call its method and path. */
  within: string;
  /** From `/docs/`. */
  href: string;
  text: string;
}

/** Everything that the search looks through. It lets others in between: a hub that serves a page also takes in sales. */
export async function listEntries(address: string, readReference: () => Reference): Promise<SearchEntry[]> {
  const entries: SearchEntry[] = [];
  for (const name of guideNames) {
    entries.push(...sectionsOf(name, address));
    await setImmediate();
  }
  const { tags, follow } = readReference();
  return [
    ...entries,
    ...tags.flatMap(({ slug, operations }) => operations.map((each) => describeCall(each, slug, follow))),
  ];
}

/** A guide from heading to heading. */
function sectionsOf(name: string, address: string): SearchEntry[] {
  const { title, html } = readGuide(name, address);
  const href = `guides/${name}`;
  // Splitting by a pattern with two groups gives text, id and heading by turns.
  const [beginning = '', ...rest] = html.split(/<h[23] id="([^"]+)">(.*?)<\/h[23]>/s);
  const entries: SearchEntry[] = [{ kind: 'guide', title, within: 'Guides', href, text: textOf(beginning) }];
  for (let at = 0; at < rest.length; at += 3) {
    const [id = '', heading = '', text = ''] = rest.slice(at, at + 3);
    const kind = name === 'events' && id.includes('.') ? 'event' : 'guide';
    entries.push({ kind, title: textOf(heading), within: title, href: `${href}#${id}`, text: textOf(text) });
  }
  return entries;
}

function describeCall(operation: Operation, slug: string, follow: Follow): SearchEntry {
  const { operationId, summary, method, path, description, parameters, body } = operation;
  const bodies = Object.values(body ?? {}).flatMap(({ schema }) => (schema ? optionsOf(schema, follow) : []));
  const names = [
    ...parameters.map(({ name }) => name),
    ...bodies.flatMap(({ properties = {} }) => Object.keys(properties)),
  ];
  return {
    kind: 'call',
    title: summary,
    within: `${method} ${path}`,
    href: `reference/${slug}#${operationId}`,
    text: `${description.replaceAll('`', '')} ${[...new Set(names)].join(', ')}`.replace(/\s+/g, ' '),
  };
}
