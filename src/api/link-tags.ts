import { decodeComponent, encodeComponent } from '../domain/byte-text.ts';
import { stripInvisible } from '../domain/codes.ts';
import { validationError } from '../domain/errors.ts';
import { clipMarked } from '../http/clip-text.ts';
import { MAX_SUB_LENGTH } from '../program/clicks.ts';

/** A parameter that is handed on. */
export interface LinkTag {
  name: string;
  /** As text, for the record. Null: it is only handed on. */
  text: string | null;
  /** `name=value` as it came, percent-encoded. */
  pair: string;
}

const MAX_UTM_TAGS = 10;
const MAX_FOREIGN_TAGS = 50;
const MAX_UTM_LENGTH = 255;
const MAX_FOREIGN_NAME_LENGTH = 64;

/** The tags that are recorded. */
const recorded = /^(?:sub[1-5]|utm_[\w-]{1,50})$/i;

/** What `/r` writes itself: a link cannot bring its own. */
const written = new Set(['click_id', 'ref', 'aff_sess']);

/**
 * What the affiliate, or the site that shows the link, put behind it: sub1…sub5 and utm_* (the first of each, in any case)
 * are recorded with the click, others (`gclid`, `fbclid`, …) only handed on. All go on byte by byte as they came. Links are
 * pasted together by hand: what is too long is cut, with a mark.
 */
export function readTags(query: string): LinkTag[] {
  const tags: LinkTag[] = [];
  const names = new Set<string>();
  const left = { utm: MAX_UTM_TAGS, foreign: MAX_FOREIGN_TAGS };
  for (const part of splitQuery(query)) {
    const [rawName = '', ...values] = part.split('=');
    const given = stripInvisible(decodeComponent(rawName)).trim();
    const rawValue = values.join('=');
    const text = decodeComponent(rawValue);
    if (given.includes('\0') || text.includes('\0')) throw validationError('The link contains a NUL character');
    if (given === '' || written.has(given)) continue;
    if (!recorded.test(given)) {
      const isTaken = given.length <= MAX_FOREIGN_NAME_LENGTH && left.foreign-- > 0;
      if (isTaken) tags.push({ name: given, text: null, pair: part });
      continue;
    }
    const name = given.toLowerCase();
    if (text === '' || names.has(name) || (isUtm(name) && left.utm-- <= 0)) continue;
    names.add(name);
    const max = isUtm(name) ? MAX_UTM_LENGTH : MAX_SUB_LENGTH;
    const kept = clipMarked(text, max);
    tags.push({ name, text: kept, pair: `${name}=${kept === text ? rawValue : encodeComponent(kept)}` });
  }
  return tags;
}

export function isUtm(name: string): boolean {
  return name.startsWith('utm_');
}

/**
 * The parameters as they came (a request line is ASCII: Node refuses others). `&amp;` (of a link copied out of HTML, also
 * twice) is an ampersand, and so is a `?` before a tag that ads or affiliates add, where a query was put behind another.
 */
function splitQuery(query: string): string[] {
  return query
    .replaceAll(/(^|&)(?:(?:amp|#0*38|#x0*26)(?:;|%3b))+/gi, '$1')
    .replaceAll(/\?(?=(?:sub[1-5]|utm_[\w-]+|gclid|fbclid|msclkid|ttclid)=)/gi, '&')
    .replaceAll('#', '%23')
    .split('&')
    .filter(Boolean);
}
