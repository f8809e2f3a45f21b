import { holdsKey } from '../../domain/keys.ts';
import { MAX_AUDITED_LENGTH } from '../../http/audited-headers.ts';

/** One part of a multipart form (RFC 7578): where its value stands in the text. */
export interface Part {
  name: string;
  isFile: boolean;
  start: number;
  end: number;
}

/**
 * `boundary` of a content type; null where it has none, or none that could be kept with the message, so that it can be read
 * again: no more of a header is, and never a key.
 */
export function findBoundary(contentType: string): string | null {
  if (contentType.length > MAX_AUDITED_LENGTH || holdsKey(contentType)) return null;
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  return quoted ?? plain ?? null;
}

/** The named parts of a body, each character of which is a byte. What is no such part is passed over. */
export function readParts(text: string, boundary: string): Part[] {
  const parts: Part[] = [];
  const delimiter = `--${boundary}`;
  let at = text.startsWith(delimiter) ? 0 : text.indexOf(`\n${delimiter}`) + 1;
  while (at !== -1 && text.startsWith(delimiter, at)) {
    const from = at + delimiter.length;
    const next = text.indexOf(`\n${delimiter}`, from);
    // A body that ends without the last delimiter has its last part all the same.
    const part = text.startsWith('--', from) ? null : readPart(text, from, next === -1 ? text.length : next);
    if (part) parts.push(part);
    at = next === -1 ? -1 : next + 1;
  }
  return parts;
}

function readPart(text: string, from: number, next: number): Part | null {
  const empty = /\r?\n\r?\n/g;
  empty.lastIndex = from;
  const separator = empty.exec(text);
  if (separator === null || separator.index >= next) return null;
  const header = text.slice(from, separator.index);
  const [, disposition = ''] = /^content-disposition:\s*form-data\s*(;[^\r\n]*)/im.exec(header) ?? [];
  const [, quoted, plain] = /;\s*name=(?:"([^"]*)"|([^\s;"]+))/i.exec(disposition) ?? [];
  const name = quoted ?? plain;
  if (name === undefined) return null;
  const start = separator.index + separator[0].length;
  // The line break before the next delimiter is the delimiter's.
  const end = Math.max(start, text[next - 1] === '\r' ? next - 1 : next);
  return { name, isFile: /;\s*filename\*?=/i.test(disposition), start, end };
}
