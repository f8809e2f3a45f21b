import type { Request } from 'express';
import { AppError, validationError } from '../domain/errors.ts';
import { parseJson } from '../domain/json-text.ts';
import { readRawBody } from './raw-body.ts';

export interface JsonBody {
  /** Empty where none was sent. */
  raw: Buffer;
  /** Undefined where none was sent. */
  value: unknown;
}

const MAX_DEPTH = 64;

/** Values in one body, far more than any call needs: to look at many blocks the process for everybody else. */
const MAX_VALUES = 2_000;

/**
 * Reads a JSON body of at most 1 MiB and 2 000 values, or of so many bytes and values. Throws PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE (other types, compressed),
 * VALIDATION_ERROR (not JSON, not UTF-8, nested absurdly, of absurdly many values, a NUL or a broken surrogate in any text).
 */
export async function readJsonBody(req: Request, limitBytes?: number, maxValues = MAX_VALUES): Promise<JsonBody> {
  const raw = await readRawBody(req, limitBytes);
  if (raw.length === 0) return { raw, value: undefined };
  refuseOtherTypes(req.headers['content-type']);
  const value = parseUtf8(raw);
  walkJson(value, maxValues, refuseText);
  return { raw, value };
}

function refuseOtherTypes(contentType: string | undefined): void {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const charset = parameters.find((parameter) => parameter.trim().startsWith('charset='))?.split('=')[1];
  const isUtf8 = charset === undefined || /^\s*"?utf-?8"?\s*$/.test(charset);
  if (/^application\/(?:[\w.-]+\+)?json$/.test(type.trim()) && isUtf8) return;
  throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json in UTF-8');
}

function parseUtf8(raw: Buffer): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch (error) {
    throw new AppError('VALIDATION_ERROR', 'The body is not valid JSON', { cause: error });
  }
}

/**
 * Shows every text in a JSON value, keys too, with the path to it. Throws VALIDATION_ERROR where it is nested absurdly, or has
 * absurdly many values. Without recursion, because the sender decides how deep it goes.
 */
export function walkJson(
  value: unknown,
  maxValues: number,
  look: (text: string, path: string) => void = () => undefined,
): void {
  const waiting: { value: unknown; path: string; depth: number }[] = [{ value, path: '', depth: 0 }];
  let values = 0;
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    values += 1;
    if (next.depth > MAX_DEPTH) throw validationError(`The body is nested more than ${MAX_DEPTH} levels deep`);
    if (typeof next.value === 'string') look(next.value, next.path);
    if (typeof next.value !== 'object' || next.value === null) continue;
    const entries = Object.entries(next.value);
    if (values + waiting.length + entries.length > maxValues) {
      throw validationError(`The body has more than ${maxValues} values`);
    }
    for (const [key, item] of entries) {
      look(key, next.path);
      waiting.push({ value: item, path: next.path === '' ? key : `${next.path}.${key}`, depth: next.depth + 1 });
    }
  }
}

/** PostgreSQL stores neither NUL nor half a surrogate pair. */
function refuseText(text: string, path: string): void {
  if (!text.includes('\0') && text.isWellFormed()) return;
  const message = 'must not contain NUL or broken Unicode';
  throw validationError(`${path || 'The body'} ${message}`, { [path || 'body']: message });
}
