/**
 * The id of a source opens it: whoever knows it can send messages. It is a UUIDv7 and 16 more bytes, so nothing else looks
 * like it.
 */
const sourceIds = /src_[0-9a-f]{64}/g;

const sourceRefs = /srr_[0-9a-f]{32}/g;

/** More than the half that tells a time: an id, or one that was copied badly. */
const partsOfIds = /src_[0-9a-f]{33,}/g;

/** What stands for an id whose source is not known to whoever writes. */
export const HIDDEN_SOURCE = 'src_…';

/** The ids of sources in a text, each once. */
export function sourceIdsIn(text: string): string[] {
  return findAll(text, 'src_', sourceIds);
}

/** The refs of sources in a text, each once. */
export function sourceRefsIn(text: string): string[] {
  return findAll(text, 'srr_', sourceRefs);
}

/** The text with each id of a source replaced. */
export function replaceSourceIds(text: string, replace: (id: string) => string): string {
  return text.replace(sourceIds, replace);
}

/** The text without anything of an id, for logs. */
export function blotSourceIds(text: string, shown = HIDDEN_SOURCE): string {
  return text.includes('src_') ? text.replace(partsOfIds, shown) : text;
}

/** Most texts have none, and that is told by a plain search. */
function findAll(text: string, beginning: string, pattern: RegExp): string[] {
  return text.includes(beginning) ? [...new Set(text.match(pattern))] : [];
}
