import { isUtf8 } from 'node:buffer';
import { fromBytes, fromLatin1, toBytes } from '../../domain/byte-text.ts';
import { AppError, validationError } from '../../domain/errors.ts';
import { parseJson } from '../../domain/json-text.ts';
import { holdsKey, maskKeys, maskPlainKeys, REDACTED } from '../../domain/keys.ts';
import { walkJson } from '../../http/json-body.ts';
import { findField, isKeyName, type FieldNames } from '../fields/names.ts';
import { hasPathWithin, pathsOf, readPath, toFieldName } from '../fields/paths.ts';
import { namesSubjectIn } from '../fields/subjects.ts';
import { redactJson } from '../inbox/redaction.ts';
import { findBoundary, readParts } from './multipart.ts';
import { refuseEscapedAmpersand } from './escaped-ampersands.ts';
import { addPair, readPairs, type Pair } from './pairs.ts';

/** What shops send of an order may be long. */
const MAX_VALUES = 10_000;

export interface ReadBody {
  pairs: Pair[];
  /** The body without keys; without any, byte for byte as it came. */
  redacted: Buffer;
}

interface GivenBody {
  body: Buffer;
  contentType: string | undefined;
}

/**
 * The names and values in a body. Beside a query that says whom or what the postback is about, a body that is no form and no
 * JSON object is somebody else's business, as long as it cannot be taken for one that says more.
 */
export function readBody({ body, contentType }: GivenBody, names: FieldNames, query: readonly Pair[]): ReadBody {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const isBeside = namesSubjectIn(query, names);
  if (type === 'application/json' || type.endsWith('+json')) return readJson(body, names, isBeside);
  // Without a type a body is taken for a form, as HTML sends it.
  if (type === 'application/x-www-form-urlencoded' || type === '') return readForm(body, names);
  if (type === 'multipart/form-data') return readMultipart(body, contentType ?? '', names, isBeside);
  if (isBeside) return readText(body, names);
  throw new AppError(
    'UNSUPPORTED_MEDIA_TYPE',
    'Send a form (application/x-www-form-urlencoded or multipart/form-data), application/json, or all of it in the query',
  );
}

function readForm(body: Buffer, names: FieldNames): ReadBody {
  const text = body.toString('latin1');
  const { pairs, redacted } = readPairs(text, names);
  return { pairs, redacted: replaced(body, text, maskPlainKeys(redacted ?? text)) };
}

function readMultipart(body: Buffer, contentType: string, names: FieldNames, isBeside: boolean): ReadBody {
  const boundary = findBoundary(contentType);
  const text = body.toString('latin1');
  const parts = boundary === null ? [] : readParts(text, boundary);
  if (parts.length === 0 && !isBeside)
    throw validationError('The body is no multipart form of the boundary that its type names');
  const pairs: [string, string][] = [];
  let redacted = '';
  let copied = 0;
  for (const part of parts) {
    const name = toFieldName(fromLatin1(part.name), names);
    const value = fromLatin1(text.slice(part.start, part.end));
    // A file is nobody's field, whatever it is called.
    if (!part.isFile) {
      refuseEscapedAmpersand(name, value, names);
      addPair(pairs, name, value, names);
    }
    if (value === '' || !(isKeyName(names, name) || holdsKey(value))) continue;
    redacted += text.slice(copied, part.start) + REDACTED;
    copied = part.end;
  }
  return { pairs, redacted: replaced(body, text, maskKeys(redacted + text.slice(copied))) };
}

/** A text may be JSON or a form all the same, which then counts as what it is. */
function readText(body: Buffer, names: FieldNames): ReadBody {
  const text = body.toString('latin1');
  const start = text.replace(/^(?:\xef\xbb\xbf)*\s*/, '').slice(0, 1024);
  if (/^[{[]/.test(start) && isJson(body)) return readJson(body, names, true);
  if (/^[&?]?[\w.[\]%;-]+=/.test(start)) return readForm(body, names);
  return { pairs: [], redacted: replaced(body, text, maskKeys(text)) };
}

function readJson(body: Buffer, names: FieldNames, isBeside: boolean): ReadBody {
  const text = isUtf8(body) ? body.toString('utf8') : fromBytes(body);
  const value = parse(text);
  walkJson(value, MAX_VALUES);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const redacted = redactJson(text, value, (name) => isKeyName(names, name));
    const pairs = pairsOf(value, names);
    for (const [name, said] of pairs) refuseEscapedAmpersand(name, typeof said === 'string' ? said : '', names);
    return { pairs, redacted: redacted === text ? body : toBytes(redacted) };
  }
  if (!isBeside || namesFields(value, names)) throw validationError('The body must be a JSON object');
  const masked = maskKeys(text);
  return { pairs: [], redacted: masked === text ? body : toBytes(masked) };
}

/** What stands at the top, and what the source finds within: `amount: {value}` is then no amount itself. */
function pairsOf(value: object, names: FieldNames): Pair[] {
  const paths = pathsOf(names);
  const top = Object.entries(value).filter(([name, said]) => !(typeof said === 'object' && hasPathWithin(names, name)));
  const within = paths.flatMap((path): Pair[] => {
    const found = readPath(value, path);
    return found === undefined ? [] : [[path.join('.'), found]];
  });
  return [...top, ...within];
}

/** Whether the items of a list have names of ours: then it is not clear which of them is meant. */
function namesFields(value: unknown, names: FieldNames): boolean {
  if (!Array.isArray(value)) return false;
  return value.some((item) => Object.keys(Object(item)).some((name) => Boolean(findField(names, name))));
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new AppError('VALIDATION_ERROR', 'The body is not valid JSON', { cause });
  }
}

function isJson(body: Buffer): boolean {
  try {
    parseJson(fromBytes(body));
    return true;
  } catch {
    return false;
  }
}

function replaced(body: Buffer, text: string, redacted: string): Buffer {
  return redacted === text ? body : Buffer.from(redacted, 'latin1');
}
