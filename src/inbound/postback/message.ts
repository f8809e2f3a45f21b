import { validationError } from '../../domain/errors.ts';
import { maskPlainKeys } from '../../domain/keys.ts';
import { isKeyName, type FieldNames } from '../fields/names.ts';
import { readBody } from './body.ts';
import { readPairs, type Pair } from './pairs.ts';

/** One postback as it came: the query of its URL, and by POST a body. */
export interface PostbackRequest {
  /** Path and query, as sent. */
  url: string;
  body: Buffer;
  contentType: string | undefined;
}

/** What a postback says, and the same message without its keys, as it is stored. */
export interface PostbackMessage {
  /** Names and values in the order in which they came. */
  pairs: Pair[];
  /** The key that the message carries. Null: none; the headers may have one. */
  key: string | null;
  /** Path and query with every key replaced. */
  url: string;
  /** What is kept as the raw message: the body of a POST that has one, else path and query. Byte for byte, but for keys. */
  raw: Buffer;
}

/**
 * Reads a postback. Throws VALIDATION_ERROR for a field that is given more than once, ampersands that were escaped for another
 * language, NUL, broken JSON and two keys that differ; UNSUPPORTED_MEDIA_TYPE for a body of another kind, unless the query says
 * it all.
 */
export function readMessage(request: PostbackRequest, names: FieldNames): PostbackMessage {
  const question = request.url.indexOf('?');
  const pairs: Pair[] = [];
  let url = request.url;
  if (question !== -1) {
    const query = readPairs(request.url.slice(question + 1), names);
    pairs.push(...query.pairs);
    if (query.redacted !== null) url = request.url.slice(0, question + 1) + query.redacted;
  }
  url = maskPlainKeys(url);
  let raw: Buffer = Buffer.from(url);
  if (request.body.length > 0) {
    const body = readBody(request, names, pairs);
    pairs.push(...body.pairs);
    raw = body.redacted;
  }
  return { pairs, key: findKey(pairs, names), url, raw };
}

function findKey(pairs: readonly Pair[], names: FieldNames): string | null {
  let key: string | null = null;
  for (const [name, value] of pairs) {
    if (!isKeyName(names, name) || value === '' || value === null) continue;
    if (typeof value !== 'string') throw validationError(`${name} must be text`, { [name]: 'must be text' });
    const text = value.trim();
    if (key !== null && key !== text) throw validationError(`${name} disagrees with another key of the request`);
    key = text;
  }
  return key;
}
