import { hash } from 'node:crypto';
import type { Request } from 'express';
import { fromBytes } from '../../domain/byte-text.ts';
import { maskKeys } from '../../domain/keys.ts';
import { auditedHeaders } from '../../http/audited-headers.ts';
import { clipMarked } from '../../http/clip-text.ts';
import { networkOf } from '../../http/network-limits.ts';
import type { Refusal } from '../../http/refusals.ts';
import type { Source } from '../../program/sources.ts';
import type { FieldNames } from '../fields/names.ts';
import { carriedIds } from './carried-ids.ts';
import { redactBody, redactQuery, secretsOf } from './without-secrets.ts';

/** Whose it was. */
export type RefusedSource = Pick<Source, 'id' | 'programId' | 'livemode'>;

/** A message that was turned away, with its secrets: in memory only, for about a second. */
export interface RefusedMessage {
  source: RefusedSource;
  refusal: Refusal;
  /** Of the answer. */
  status: number;
  message: string;
  method: string;
  network: string | null;
  /** As sent, without the question mark. */
  query: string;
  body: Buffer;
  headers: { 'content-type'?: string; 'user-agent'?: string };
  /** What the headers gave as proof. */
  secrets: readonly string[];
  names: FieldNames;
  at: Date;
}

/** What is kept of it. */
export interface RefusedSample {
  source: RefusedSource;
  digest: string;
  refusal: Refusal;
  status: number;
  message: string;
  method: string;
  network: string | null;
  query: string | null;
  body: string | null;
  contentType: string | null;
  userAgent: string | null;
  references: string[];
  count: number;
  firstAt: Date;
  lastAt: Date;
}

/** So much of a query and of a body is looked at. */
export const MAX_READ_BYTES = 16 * 1024;
/** So much of a body tells it from others, while it is in memory. */
const MAX_COMPARED_BYTES = 4 * 1024;
/** And so much of each is kept, in characters. */
const MAX_KEPT = 2_048;
const MAX_MESSAGE = 500;

/** What has to be taken from a request while it is there. `body`: what was read of it. */
export function takeMessage(
  req: Request,
  refused: Pick<RefusedMessage, 'source' | 'refusal' | 'status' | 'message' | 'names'>,
  body: Buffer,
  at: Date,
): RefusedMessage {
  const { source, refusal, status, message, names } = refused;
  const question = req.originalUrl.indexOf('?');
  const network = networkOf(req.ip ?? '');
  return {
    source,
    refusal,
    status,
    message,
    names,
    method: req.method,
    network: network === '' ? null : network,
    query: question === -1 ? '' : req.originalUrl.slice(question + 1, question + 1 + MAX_READ_BYTES),
    // A copy: a slice would keep all of a large one.
    body: Buffer.from(body.subarray(0, MAX_READ_BYTES)),
    headers: auditedHeaders(req, ['content-type', 'user-agent']),
    secrets: secretsOf(req),
    at,
  };
}

/** The same for messages that are the same as far as can be told cheaply: enough to count a repeat. */
export function keyOf(refusal: Refusal, { originalUrl }: Request, body: Buffer): string {
  const told = `${refusal} ${body.length} ${hash('sha1', originalUrl, 'base64')}`;
  return body.length === 0 ? told : `${told} ${hash('sha1', body.subarray(0, MAX_COMPARED_BYTES), 'base64')}`;
}

/** What may be kept of a message, and of its repeats. */
export function toSample(message: RefusedMessage, count: number, lastAt: Date): RefusedSample {
  const { source, refusal, names, secrets } = message;
  const text = fromBytes(message.body);
  const references = carriedIds(message.query, text, names);
  const query = message.query === '' ? null : keep(redactQuery(message.query, names, secrets));
  const body = text === '' ? null : keep(redactBody(text, names, secrets));
  // Of a message that names what it is about, a repeat is one whatever else changed in it: Stripe signs and sends again.
  const meaning = references.length > 0 ? references.toSorted() : [query, body];
  return {
    source,
    digest: hash('sha256', JSON.stringify([refusal, message.method, references.length > 0, meaning]), 'base64url'),
    refusal,
    status: message.status,
    message: clipMarked(storable(maskKeys(message.message)), MAX_MESSAGE),
    method: message.method,
    network: message.network,
    query,
    body,
    contentType: storableOrNull(message.headers['content-type']),
    userAgent: storableOrNull(message.headers['user-agent']),
    references,
    count,
    firstAt: message.at,
    lastAt,
  };
}

function keep(text: string): string {
  return clipMarked(storable(text), MAX_KEPT);
}

function storableOrNull(text: string | undefined): string | null {
  return text === undefined ? null : storable(text);
}

/** PostgreSQL holds no NUL, and half a character is none. */
function storable(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed();
}
