import { isUtf8 } from 'node:buffer';
import { fromBytes } from './byte-text.ts';

/** JSON with or without a byte order mark before it, which means nothing. Throws SyntaxError. */
export function parseJson(text: string): unknown {
  return JSON.parse(text.replace(/^\ufeff+/, '')) as unknown;
}

/** The same of bytes as they came; such as are not UTF-8 stay apart. Throws SyntaxError. */
export function parseJsonBytes(raw: Buffer): unknown {
  return parseJson(isUtf8(raw) ? raw.toString('utf8') : fromBytes(raw));
}
