import querystring from 'node:querystring';
import { AppError, validationError } from '../../domain/errors.ts';
import { holdsKey, maskPlainKeys, REDACTED } from '../../domain/keys.ts';
import { isKeyName, type FieldNames } from '../fields/names.ts';
import { clip } from '../fields/problems.ts';
import { redactJson } from '../inbox/redaction.ts';

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
  pairs: [name: string, value: unknown][];
  /** The key that the message carries. Null: none; the headers may have one. */
  key: string | null;
  /** Path and query with every key replaced. */
  url: string;
  /** What is kept as the raw message: the body of a POST that has one, else path and query. */
  raw: Buffer;
}

const MAX_PARAMETERS = 200;

/**
 * Reads a postback. Throws VALIDATION_ERROR for repeated parameters, NUL, broken JSON and two keys that differ;
 * UNSUPPORTED_MEDIA_TYPE for a body that is neither a form nor JSON.
 */
export function readMessage(request: PostbackRequest, names: FieldNames): PostbackMessage {
  const question = request.url.indexOf('?');
  const pairs: [string, unknown][] = [];
  let url = request.url;
  if (question !== -1) {
    const query = readPairs(request.url.slice(question + 1), names);
    pairs.push(...query.pairs);
    if (query.redacted !== null) url = request.url.slice(0, question + 1) + query.redacted;
  }
  const body = request.body.length > 0 ? readBody(request, names) : null;
  if (body) pairs.push(...body.pairs);
  const key = findKey(pairs, names);
  url = maskPlainKeys(url);
  return { pairs, key, url, raw: Buffer.from(maskPlainKeys(body ? body.redacted : url)) };
}

interface ReadText {
  pairs: [string, unknown][];
  /** The text without keys. Null: it has none. */
  redacted: string | null;
}

/** One pass over `a=1&b=2`: the names and values, and the same text with the values of keys, and values that hold keys, replaced. */
function readPairs(text: string, names: FieldNames): ReadText {
  const pairs: [string, unknown][] = [];
  let redacted: string | null = null;
  let copied = 0;
  for (let start = 0; start < text.length;) {
    const next = text.indexOf('&', start);
    const end = next === -1 ? text.length : next;
    const equals = text.indexOf('=', start);
    const nameEnd = equals === -1 || equals > end ? end : equals;
    if (end > start) {
      const name = decode(text.slice(start, nameEnd));
      const value = nameEnd === end ? '' : decode(text.slice(nameEnd + 1, end));
      checkPair(pairs, name, value);
      pairs.push([name, value]);
      if ((isKeyName(names, name) || holdsKey(value)) && value !== '') {
        redacted = (redacted ?? '') + text.slice(copied, nameEnd + 1) + REDACTED;
        copied = end;
      }
    }
    start = end + 1;
  }
  return { pairs, redacted: redacted === null ? null : redacted + text.slice(copied) };
}

/** By a search through the earlier ones: for a handful of parameters that is faster than to fill a set. */
function checkPair(pairs: readonly [string, unknown][], name: string, value: string): void {
  if (pairs.length >= MAX_PARAMETERS) throw validationError(`The request has more than ${MAX_PARAMETERS} parameters`);
  if (name.includes('\0') || value.includes('\0')) {
    throw validationError('The request contains NUL', { [clip(name.replaceAll('\0', ''))]: 'must not contain NUL' });
  }
  for (const [earlier] of pairs) {
    if (earlier !== name) continue;
    throw validationError(`${clip(name)} is given more than once`, { [clip(name)]: 'is given more than once' });
  }
}

function readBody(request: PostbackRequest, names: FieldNames): { pairs: [string, unknown][]; redacted: string } {
  const type = (request.contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const text = request.body.toString('utf8');
  if (type === 'application/json' || type.endsWith('+json')) return readJson(text, names);
  // Without a type a body is taken for a form, as HTML sends it.
  if (type === 'application/x-www-form-urlencoded' || type === '') {
    const form = readPairs(text, names);
    return { pairs: form.pairs, redacted: form.redacted ?? text };
  }
  throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send a form (application/x-www-form-urlencoded) or application/json');
}

function readJson(text: string, names: FieldNames): { pairs: [string, unknown][]; redacted: string } {
  const body = parseObject(text);
  const pairs = Object.entries(body);
  return { pairs, redacted: redactJson(text, body, (name) => isKeyName(names, name)) };
}

function parseObject(text: string): object {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw new AppError('VALIDATION_ERROR', 'The body is not valid JSON', { cause });
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  throw validationError('The body must be a JSON object');
}

function findKey(pairs: readonly [string, unknown][], names: FieldNames): string | null {
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

function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Some trackers send text that is not UTF-8, or a lone percent sign.
    return querystring.unescape(spaced);
  }
}
