import MiniSearch, { type SearchResult } from 'minisearch';
import type { SearchEntry } from '../search-index.ts';

const MOST_HITS = 20;
const LETTERS_BEFORE = 40;
const LETTERS_SHOWN = 160;

interface Hit extends SearchEntry {
  /** The part of the text with what was looked for. */
  part: string;
}
type Find = (text: string) => Hit[];

const dialog = element('#search-dialog', HTMLDialogElement);
const box = element('#search-dialog input', HTMLInputElement);
const list = element('#search-hits', HTMLUListElement);
const status = element('#search-dialog [role=status]', HTMLElement);
const kinds: Readonly<Record<SearchEntry['kind'], string>> = { guide: 'guide', event: 'event', call: 'API' };

let finding: Promise<Find> | null = null;
let chosen = 0;

/** Opens the box; `docs` is where `/docs/` is. */
let current: URL | null = null;
box.addEventListener('input', () => {
  if (current) void show(current);
});

export function showSearch(docs: URL): void {
  if (!dialog.open) dialog.showModal();
  box.select();
  current = docs;
  void show(docs);
}

dialog.addEventListener('click', (event) => {
  if (event.target === dialog) dialog.close();
});
list.addEventListener('click', () => dialog.close());
box.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') links()[chosen]?.click();
  // By itself the browser would only empty the box.
  else if (event.key === 'Escape') dialog.close();
  else if (event.key === 'ArrowDown') choose(chosen + 1);
  else if (event.key === 'ArrowUp') choose(chosen - 1);
  else return;
  event.preventDefault();
});

async function show(docs: URL): Promise<void> {
  const asked = box.value.trim();
  try {
    status.textContent = 'Loading …';
    const find = await loadIndex(docs);
    // More may have been typed meanwhile.
    if (asked !== box.value.trim()) return;
    const hits = find(asked);
    list.replaceChildren(...hits.map((hit, at) => renderHit(hit, at, docs)));
    box.setAttribute('aria-expanded', String(hits.length > 0));
    if (asked === '') status.textContent = 'All guides, events and calls: a word, or its beginning.';
    else status.textContent = hits.length === 0 ? `Nothing is about “${asked}”.` : '';
    choose(0);
  } catch {
    status.textContent = 'The hub cannot be reached. What you typed is kept: type on to try again.';
  }
}

function loadIndex(docs: URL): Promise<Find> {
  finding ??= fetch(new URL('search.json', docs))
    .then(async (answer) => makeFind((await answer.json()) as SearchEntry[]))
    .catch((error: unknown) => {
      finding = null;
      throw error;
    });
  return finding;
}

function makeFind(entries: readonly SearchEntry[]): Find {
  const search = new MiniSearch<SearchEntry & { id: number }>({
    fields: ['title', 'within', 'text'],
    // Beginnings of words, and words with a letter wrong; a title says more than a text.
    searchOptions: { prefix: true, fuzzy: (word) => (word.length > 4 ? 0.2 : 0), boost: { title: 5, within: 2 } },
  });
  search.addAll(entries.map((entry, id) => ({ ...entry, id })));
  return (text) => {
    // Places with all words, else those with some.
    const all = search.search(text, { combineWith: 'AND' });
    const results = all.length > 0 ? all : search.search(text);
    return results.slice(0, MOST_HITS).flatMap(({ id, terms }: SearchResult) => {
      const entry = entries[id as number];
      return entry ? [{ ...entry, part: partWith(entry.text, terms) }] : [];
    });
  };
}

function partWith(text: string, words: readonly string[]): string {
  const low = text.toLowerCase();
  const at = words.map((word) => low.indexOf(word)).find((found) => found >= 0) ?? 0;
  const start = at <= LETTERS_BEFORE ? 0 : text.indexOf(' ', at - LETTERS_BEFORE) + 1;
  const end = text.length <= start + LETTERS_SHOWN ? text.length : text.lastIndexOf(' ', start + LETTERS_SHOWN);
  return `${start > 0 ? '… ' : ''}${text.slice(start, end)}${end < text.length ? ' …' : ''}`;
}

function renderHit({ kind, title, within, href, part }: Hit, at: number, docs: URL): HTMLLIElement {
  const item = document.createElement('li');
  item.role = 'presentation';
  const link = document.createElement('a');
  link.href = new URL(href, docs).href;
  link.id = `search-hit-${at}`;
  link.role = 'option';
  link.tabIndex = -1;
  link.append(say('span', 'kind', kinds[kind]), say('b', '', title), say('code', '', within), say('p', 'quiet', part));
  item.append(link);
  return item;
}

function say(tag: string, className: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function links(): HTMLAnchorElement[] {
  return [...list.querySelectorAll('a')];
}

function choose(at: number): void {
  const all = links();
  chosen = Math.max(0, Math.min(all.length - 1, at));
  for (const [index, link] of all.entries()) link.ariaSelected = String(index === chosen);
  const link = all[chosen];
  link?.scrollIntoView({ block: 'nearest' });
  if (link) box.setAttribute('aria-activedescendant', link.id);
  else box.removeAttribute('aria-activedescendant');
}

function element<T extends Element>(selector: string, kind: new () => T): T {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the page has no ${selector}`);
  return found;
}
