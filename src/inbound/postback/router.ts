import { Router } from 'express';
import type { Request, RequestHandler, Response } from 'express';
import { toAppError } from '../../db/pg-errors.ts';
import type { Logger } from 'pino';
import type { Clock } from '../../domain/clock.ts';
import type { Db } from '../../db/db.ts';
import { withoutNewIds, type DryRun } from '../inbox/dry-run.ts';
import type { Inbox } from '../inbox/inbox.ts';
import { AppError } from '../../domain/errors.ts';
import type { Normalized } from '../../domain/facts.ts';
import { assertScope, type Principal } from '../../program/principals.ts';
import type { PostbackSource } from '../../program/sources.ts';
import { answerConversion } from '../inbox/conversion-answer.ts';
import type { InboxMessage } from '../inbox/inbox.ts';
import type { ReadOutcome } from '../inbox/read-outcomes.ts';
import { auditedHeaders } from '../../http/audited-headers.ts';
import { admitKey, countFailure, readCredential } from '../../http/authenticate.ts';
import { limitPostback } from '../../http/limit-callers.ts';
import { keylessPostbackPolicy, limitNetwork } from '../../http/network-limits.ts';
import type { RateLimits } from '../../http/rate-limits.ts';
import { readRawBody } from '../../http/raw-body.ts';
import { findSourceByUrl } from '../find-source.ts';
import { catchRefusals, type Seen } from '../refusals/catch-refusals.ts';
import type { Refusals } from '../refusals/recorder.ts';
import { hintAtMisspelt } from '../fields/misspelt.ts';
import { authenticateAsking, readDryRun, type AskedUrl } from './dry-run.ts';
import { readMessage } from './message.ts';
import type { PostbackMessage } from './message.ts';
import { KEYLESS_HEADER, normalizePostback } from './normalize.ts';
import { compileSettings } from './settings.ts';
import type { CompiledSettings } from './settings.ts';

export interface PostbackDeps {
  db: Db;
  inbox: Inbox;
  refusals: Refusals;
  clock: Clock;
  rateLimits: RateLimits;
  log: Logger;
  dryRun: DryRun;
}

/** What a surface decides for itself about postbacks: how many a key may send, and in which words one is answered. */
export interface PostbackSurface {
  /** Counts a postback against its key's limit and sets the limit's headers; throws RATE_LIMITED past it. */
  limit: (principal: Principal, purpose: CompiledSettings['purpose'], req: Request, res: Response) => Promise<void>;
  /** The body of the answer in json mode. Throws where the postback was refused after it was stored. */
  answer: (inboxEventId: string, settled: ReadOutcome | null, postback: AcceptedPostback) => object | Promise<object>;
  /** Whether `dryRun=true` in the query asks what would become of the postback; else it is a field of the sender's own. */
  takesDryRuns?: true;
}

export interface AcceptedPostback {
  programId: string;
  purpose: CompiledSettings['purpose'];
  normalized: Normalized;
  /** A sentence about names that were probably misspelt. */
  hint: () => string;
}

/**
 * `GET|POST /pb/:id`, to be mounted at the root and at the base of a dialect: what trackers fire. In json mode errors go
 * on to the error handler of that surface; `ok` and `gif` answer them in words. A malformed message stores nothing.
 *
 * The hottest path of the hub: sources and keys come from the caches of this process, nothing is queried.
 */
export function postbackRouter(deps: PostbackDeps, surface: PostbackSurface = nativeSurface(deps)): Router {
  const router = Router({ caseSensitive: true });
  const receive: RequestHandler<{ id: string }> = async (req, res, next) => {
    let mode: CompiledSettings['response'] = 'json';
    try {
      const source = await findSourceByUrl(deps, 'postback', req);
      const settings = settingsOf(source);
      mode = settings.response;
      if (req.method === 'HEAD') {
        res.status(200).end();
        return;
      }
      const url = urlOf(req, source);
      const asked = surface.takesDryRuns ? readDryRun(url, settings.names) : { isDry: false, url };
      if (asked.isDry) mode = 'json';
      await receivePostback(deps, surface, source, settings, asked, req, res);
    } catch (error) {
      if (mode === 'json' || res.headersSent) next(error);
      else answerInWords(res, error);
    }
  };
  router.get('/pb/:id', receive);
  router.post('/pb/:id', receive);
  return router;
}

function nativeSurface(deps: PostbackDeps): PostbackSurface {
  return {
    takesDryRuns: true,
    limit: (principal, _purpose, _req, res) => limitPostback(deps, principal, res),
    answer: (id, settled, { normalized, hint }) =>
      answerConversion(id, settled, { livemode: normalized.livemode, hint }).body,
  };
}

async function receivePostback(
  deps: PostbackDeps,
  surface: PostbackSurface,
  source: PostbackSource,
  settings: CompiledSettings,
  asked: AskedUrl,
  req: Request,
  res: Response,
): Promise<void> {
  const { isDry } = asked;
  const decide = (seen: Seen) => takePostback(deps, surface, source, settings, asked, req, res, seen);
  // A dry run leaves nothing behind, no refusal either.
  const { entry, message } = isDry
    ? await decide({ body: null, names: settings.names })
    : await catchRefusals(deps.refusals, req, source, decide, settings.names);
  if (settings.response !== 'json' && !isDry) {
    await deps.inbox.append(entry);
    answerDurable(res, settings.response);
    return;
  }
  const { id, settled, newIds } = isDry
    ? { id: '', ...(await deps.dryRun(entry)) }
    : { ...(await deps.inbox.appendAndWait(entry)), newIds: NONE };
  const { programId } = source;
  const hint = () =>
    hintAtMisspelt(
      message.pairs.map(([name]) => name),
      settings.names,
    );
  const { normalized } = entry;
  const answer = await surface.answer(id, settled, { programId, purpose: settings.purpose, normalized, hint });
  res.statusCode = 200;
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Cache-Control', 'no-store');
  res.end(JSON.stringify(newIds.size > 0 ? withoutNewIds(answer, newIds) : answer));
}

/** What is to be stored of a postback. Throws for what the source does not take. */
async function takePostback(
  deps: PostbackDeps,
  surface: PostbackSurface,
  source: PostbackSource,
  settings: CompiledSettings,
  { isDry, url }: AskedUrl,
  req: Request,
  res: Response,
  seen: Seen,
): Promise<{ entry: InboxMessage; message: PostbackMessage }> {
  if (settings.allows && !settings.allows(req.ip ?? '')) {
    req.refusal = 'address';
    throw new AppError('INSUFFICIENT_PERMISSIONS', 'This address may not send postbacks here');
  }
  // Where nobody proves who sends, the network is all that there is to count by.
  if (!settings.requireKey && !settings.allows) await limitNetwork(deps, req, res, keylessPostbackPolicy);
  const { body, message, principal } = await receiveMessage(deps, source, settings, url, req, res, seen);
  const limited = isDry && !settings.requireKey ? await authenticateAsking(deps, source, req, res) : principal;
  if (limited) await surface.limit(limited, settings.purpose, req, res);

  const receivedAt = deps.clock.now();
  const livemode = source.livemode && principal?.mode !== 'test';
  const orderScope = source.orderScope === 'source' ? source.id : null;
  const keyless = settings.requireKey ? null : source.id;
  const normalized = normalizePostback(message.pairs, settings, { livemode, receivedAt, orderScope, keyless });
  const entry: InboxMessage = {
    programId: source.programId,
    sourceId: source.id,
    kind: 'postback',
    raw: message.raw,
    headers:
      body.length > 0 ? auditedPost(req, message, settings) : auditedHeaders(req, ['user-agent'], cameBy(settings)),
    normalized,
    receivedAt,
  };
  return { entry, message };
}

const NONE: ReadonlySet<string> = new Set();

interface Received {
  /** Empty where none was sent. */
  body: Buffer;
  message: PostbackMessage;
  principal: Principal | null;
}

/** A key that stands in the query or a header is checked before the body is read: a large one of nobody is no work. */
async function receiveMessage(
  deps: PostbackDeps,
  source: PostbackSource,
  settings: CompiledSettings,
  url: string,
  req: Request,
  res: Response,
  seen: Seen,
): Promise<Received> {
  const read = (body: Buffer): PostbackMessage =>
    readMessage({ url, body, contentType: req.headers['content-type'] }, settings.names);
  const credential = readCredential(req, ['x-api-key', 'bearer']);
  const query = read(EMPTY);
  if (req.method !== 'POST') {
    const principal = await authenticate(deps, source, settings, query.key ?? credential, req, res);
    return { body: EMPTY, message: query, principal };
  }
  const early = query.key ?? credential;
  if (early !== null) await authenticate(deps, source, settings, early, req, res);
  const body = (seen.body = await readBodyOnce(req));
  const message = read(body);
  const principal = await authenticate(deps, source, settings, message.key ?? credential, req, res);
  return { body, message, principal };
}

/** As the sender was told it: an id that is spelled otherwise (`src%5F…`) would not be known for one by whoever hides ids. */
function urlOf({ baseUrl, originalUrl }: Request, { id }: PostbackSource): string {
  const question = originalUrl.indexOf('?');
  return `${baseUrl}/pb/${id}${question === -1 ? '' : originalUrl.slice(question)}`;
}

/**
 * Rules are compiled once for each version of a source's settings: a source is looked up again every few seconds, and those
 * of one that renames a hundred fields are not free.
 */
const compiled = new Map<string, { version: string; settings: CompiledSettings }>();
const known = new WeakMap<PostbackSource, CompiledSettings>();
const MAX_COMPILED = 10_000;

function settingsOf(source: PostbackSource): CompiledSettings {
  const remembered = known.get(source);
  if (remembered) return remembered;
  const version = JSON.stringify(source.settings);
  let entry = compiled.get(source.id);
  if (entry?.version !== version) {
    entry = { version, settings: compileSettings(source.settings) };
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    compiled.set(source.id, entry);
  }
  known.set(source, entry.settings);
  return entry.settings;
}

/**
 * Whose key the postback carries: `secure`, X-API-Key or Bearer. Where a source asks for none, whatever stands there lends
 * nothing and is not looked at: trackers fill `secure` with secrets of their own.
 */
async function authenticate(
  deps: PostbackDeps,
  source: PostbackSource,
  settings: CompiledSettings,
  key: string | null,
  req: Request,
  res: Response,
): Promise<Principal | null> {
  if (!settings.requireKey) return null;
  if (key === null) {
    await countFailure(deps, req, res);
    throw new AppError('UNAUTHORIZED', 'An API key is required: send it as secure, X-API-Key or Authorization: Bearer');
  }
  const principal = await admitKey(deps, key, req, res);
  const known = principal?.programId === source.programId ? principal : null;
  if (!known) {
    await countFailure(deps, req, res);
    throw new AppError('INVALID_API_KEY', 'The API key is not valid here');
  }
  assertScope(known, settings.purpose === 'secondary' ? 'events:write' : 'conversions:write', 'ingest');
  return known;
}

async function readBodyOnce(req: Request): Promise<Buffer> {
  const read: unknown = req.body;
  return Buffer.isBuffer(read) ? read : readRawBody(req);
}

const EMPTY = Buffer.alloc(0);

/** Of a POST with a body the raw message is the body: its URL, without keys, is kept beside it. */
function auditedPost(req: Request, message: PostbackMessage, settings: CompiledSettings): Record<string, string> {
  const { url } = message;
  return auditedHeaders(req, ['user-agent', 'content-type'], { method: req.method, url, ...cameBy(settings) });
}

/** Kept with a message, since its source may ask for a key later. */
function cameBy({ requireKey }: CompiledSettings): Record<string, string> {
  return requireKey ? {} : { [KEYLESS_HEADER]: 'true' };
}

/** The smallest transparent GIF. */
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

// Written at once, with the length: three times cheaper than header by header (measured).
const okHeaders = { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', 'Content-Length': '2' };
const gifHeaders = {
  'Content-Type': 'image/gif',
  'Cache-Control': 'no-store',
  'Content-Length': String(pixel.length),
  // Pages of other origins embed it.
  'Cross-Origin-Resource-Policy': 'cross-origin',
};

function answerDurable(res: Response, mode: 'ok' | 'gif'): void {
  if (mode === 'ok') res.writeHead(200, okHeaders).end('OK');
  else res.writeHead(200, gifHeaders).end(pixel);
}

function answerInWords(res: Response, thrown: unknown): void {
  const error = toAppError(thrown);
  // The cause is for the log line of the request; the answer never tells it.
  if (error.status >= 500) res.err = thrown instanceof Error ? thrown : error;
  res.statusCode = error.status;
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  res.setHeader('Cache-Control', 'no-store');
  if (error.retryAfterS !== undefined) res.setHeader('Retry-After', String(error.retryAfterS));
  res.end(error.message);
}
