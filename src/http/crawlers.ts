import list from 'crawler-user-agents';

// Its types forget the tags.
const crawlers: readonly { pattern: string; tags?: string[] }[] = list;

/**
 * Crawlers, link previewers and monitors by their names, of a list that is kept for it (each entry has its page or an
 * example). What names a tool and nobody who uses it (HTTP libraries, browsers under remote control) is left out: a shop
 * tests its links with it.
 */
const tools: ReadonlySet<string> = new Set(['http-library', 'browser-automation']);

const named = new RegExp(
  [
    ...crawlers.filter(({ tags = [] }) => !tags.some((tag) => tools.has(tag))).map(({ pattern }) => pattern),
    // Bluesky's previews, which the list does not have yet (read 2026-11).
    'Bluesky Cardyb',
  ].join('|'),
);

/** A word that ends so calls itself one; CUBOT makes phones. */
const selfNamed = /(?<!\bcu)(?:bot|crawler|spider)s?(?![a-z])/i;

/** Whoever is called nothing, or by a name that the list does not have, is a visitor. */
export function isCrawler(userAgent: string | undefined): boolean {
  if (userAgent === undefined || userAgent === '') return false;
  const text = userAgent.slice(0, MAX_LENGTH);
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const found = selfNamed.test(text) || named.test(text);
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(text, found);
  return found;
}

const MAX_LENGTH = 512;
const MAX_REMEMBERED = 5_000;

/** The expression has 1400 alternatives (measured: 50 µs for a browser's name); visitors come by the same few browsers. */
const remembered = new Map<string, boolean>();
