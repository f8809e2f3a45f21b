import { Router } from 'express';
import type { Request, RequestHandler, Response } from 'express';
import { toAppError } from '../../db/pg-errors.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Db } from '../../db/db.ts';
import type { Inbox } from '../inbox/inbox.ts';
import { AppError, notFound } from '../../domain/errors.ts';
import type { Normalized } from '../../domain/facts.ts';
import { authenticateKey } from '../../program/api-keys.ts';
import type { Principal } from '../../program/api-keys.ts';
import { findSource } from '../../program/sources.ts';
import type { PostbackSource } from '../../program/sources.ts';
import { answerConversion } from '../inbox/conversion-answer.ts';
import type { InboxMessage } from '../inbox/inbox.ts';
import type { Settled } from '../inbox/outcome-waiter.ts';
import { readRawBody } from '../../http/raw-body.ts';
import { readMessage } from './message.ts';
import type { PostbackMessage } from './message.ts';
import { normalizePostback } from './normalize.ts';
import { compileRules } from './source.ts';
import type { PostbackRules } from './source.ts';

/** Counts a request against its key's limit and sets the limit's headers; throws RATE_LIMITED past it. */
export type LimitPostbacks = (
  principal: Principal,
  req: Request,
  res: Response,
  purpose: PostbackRules['purpose'],
) => void | Promise<void>;

/** Counts a wrong key against its address; throws RATE_LIMITED past the limit. */
export type CountFailure = (req: Request, res: Response) => Promise<void>;

/** What became of a postback in json mode, as a surface tells it. Throws where it was refused after it was stored. */
export type AnswerPostback = (
  inboxEventId: string,
  settled: Settled | null,
  postback: { programId: string; purpose: PostbackRules['purpose']; normalized: Normalized },
) => object | Promise<object>;

export interface PostbackDeps {
  db: Db;
  inbox: Inbox;
  clock: Clock;
  limitPostbacks?: LimitPostbacks | undefined;
  countFailure?: CountFailure | undefined;
  /** The body of the answer in json mode; that of the native API unless given. */
  answer?: AnswerPostback | undefined;
}

/**
 * `GET|POST /pb/:id`, to be mounted at the root and at the base of a dialect: what trackers fire. In json mode errors go
 * on to the error handler of that surface; `ok` and `gif` answer them in words. A malformed message stores nothing.
 *
 * The hottest path of the hub: sources and keys come from the caches of this process, nothing is queried.
 */
export function postbackRouter(deps: PostbackDeps): Router {
  const router = Router();
  const receive: RequestHandler<{ id: string }> = async (req, res, next) => {
    let mode: PostbackRules['response'] = 'json';
    try {
      const source = await findPostbackSource(deps, req.params.id);
      const rules = rulesOf(source);
      mode = rules.response;
      if (req.method === 'HEAD') res.status(200).end();
      else await receivePostback(deps, source, rules, req, res);
    } catch (error) {
      if (mode === 'json' || res.headersSent) next(error);
      else answerInWords(res, error);
    }
  };
  router.get('/pb/:id', receive);
  router.post('/pb/:id', receive);
  return router;
}

async function receivePostback(
  deps: PostbackDeps,
  source: PostbackSource,
  rules: PostbackRules,
  req: Request,
  res: Response,
): Promise<void> {
  if (rules.allows && !rules.allows(req.ip ?? '')) {
    throw new AppError('INSUFFICIENT_PERMISSIONS', 'This address may not send postbacks here');
  }
  const body = req.method === 'POST' ? await readBodyOnce(req) : EMPTY;
  const message = readMessage({ url: req.originalUrl, body, contentType: req.headers['content-type'] }, rules.names);
  const principal = await authenticate(deps, source, rules, message, req, res);
  if (principal && deps.limitPostbacks) await deps.limitPostbacks(principal, req, res, rules.purpose);

  const receivedAt = deps.clock.now();
  const livemode = (source.livemode ?? true) && principal?.mode !== 'test';
  const orderScope = source.orderScope === 'source' ? source.id : null;
  const normalized = normalizePostback(message.pairs, rules, { livemode, receivedAt, orderScope });
  const entry: InboxMessage = {
    programId: source.programId,
    sourceId: source.id,
    kind: 'postback',
    raw: message.raw,
    headers: headersToKeep(req, message, body.length > 0),
    normalized,
    receivedAt,
  };
  if (rules.response !== 'json') {
    await deps.inbox.append(entry);
    answerDurable(res, rules.response);
    return;
  }
  const { id, settled } = await deps.inbox.settle(entry);
  const { programId } = source;
  const answer = await (deps.answer ?? answerNatively)(id, settled, { programId, purpose: rules.purpose, normalized });
  res.statusCode = 200;
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Cache-Control', 'no-store');
  res.end(JSON.stringify(answer));
}

const answerNatively: AnswerPostback = (id, settled, { normalized }) =>
  answerConversion(id, settled, normalized.livemode).body;

async function findPostbackSource(deps: PostbackDeps, id: string): Promise<PostbackSource> {
  // A malformed id is an unknown one, and NUL is more than the database takes.
  const source = id.includes('\0') ? null : await findSource(deps.db, id);
  if (source?.kind !== 'postback') throw notFound('Source');
  return source;
}

/** Found sources stay the same object while they are remembered, and so do their rules. */
const compiled = new WeakMap<PostbackSource, PostbackRules>();

function rulesOf(source: PostbackSource): PostbackRules {
  let rules = compiled.get(source);
  if (!rules) {
    rules = compileRules(source.settings);
    compiled.set(source, rules);
  }
  return rules;
}

/**
 * Whose key the postback carries: `secure`, X-API-Key or Bearer. Where a source asks for none, a key of its own program
 * still tells live from test, and any other text is left alone: trackers fill `secure` with secrets of their own.
 */
async function authenticate(
  deps: PostbackDeps,
  source: PostbackSource,
  rules: PostbackRules,
  message: PostbackMessage,
  req: Request,
  res: Response,
): Promise<Principal | null> {
  const key = message.key ?? readKeyHeader(req);
  if (key === null) {
    if (!rules.requireKey) return null;
    throw new AppError('UNAUTHORIZED', 'An API key is required: send it as secure, X-API-Key or Authorization: Bearer');
  }
  const principal = await authenticateKey(deps.db, key);
  const known = principal?.programId === source.programId ? principal : null;
  if (!rules.requireKey) return known;
  if (!known) {
    await deps.countFailure?.(req, res);
    throw new AppError('INVALID_API_KEY', 'The API key is not valid here');
  }
  if (known.access !== 'write') throw new AppError('INSUFFICIENT_PERMISSIONS', 'This API key may only read');
  return known;
}

function readKeyHeader(req: Request): string | null {
  const header = req.headers['x-api-key'];
  if (typeof header === 'string' && header !== '') return header;
  const bearer = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '');
  return bearer?.[1] ?? null;
}

async function readBodyOnce(req: Request): Promise<Buffer> {
  const read: unknown = req.body;
  return Buffer.isBuffer(read) ? read : readRawBody(req);
}

const EMPTY = Buffer.alloc(0);

/** What an audit needs beside the raw message; what is said there already is left out, and keys never are kept. */
function headersToKeep(req: Request, message: PostbackMessage, hasBody: boolean): Record<string, string> {
  const kept: Record<string, string> = {};
  const agent = req.headers['user-agent'];
  if (agent) kept['user-agent'] = agent.slice(0, 255);
  if (!hasBody) return kept;
  kept['method'] = req.method;
  kept['url'] = message.url;
  if (req.headers['content-type']) kept['content-type'] = req.headers['content-type'].slice(0, 255);
  return kept;
}

/** The smallest transparent GIF. */
const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

// Written in one piece, with their length: three times cheaper than header by header.
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
  // The log line of the request tells what was behind it.
  if (error.status >= 500) res.err = thrown instanceof Error ? thrown : error;
  res.statusCode = error.status;
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  res.setHeader('Cache-Control', 'no-store');
  if (error.retryAfterS !== undefined) res.setHeader('Retry-After', String(error.retryAfterS));
  res.end(error.message);
}
