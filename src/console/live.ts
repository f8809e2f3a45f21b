import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import type { Logger } from 'pino';
import { AppError, found } from '../domain/errors.ts';
import type { KeyScope } from '../domain/key-scopes.ts';
import { isUsableFrom, type Caller } from '../http/authenticate.ts';
import { answerApiError } from '../http/errors.ts';
import { readQuery, validate } from '../http/validate.ts';
import { findPrincipalOf } from '../program/principals.ts';
import { findProgram } from '../program/programs.ts';
import { callerOf, limitConsole, type AdmissionDeps } from './admit-session.ts';
import { LiveFeed, type FeedDeps, type Told, type Viewer } from './live-feed.ts';
import { newsKinds, type NewsKind } from './read-news.ts';
import { isOver, readSession, type Session } from './session-cookie.ts';

/** Each holds a connection of the process. */
const MOST_VIEWERS = 500;
/** Pages that are open under one key, or the admin token, in a process. */
const MOST_OF_ONE = 100;

/** A key that is revoked elsewhere is remembered for 4 s: with this its stream ends within 5 s. */
const CHECK_MS = 500;
/** Proxies end what is silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** A browser that lost its stream tries again after that. */
const RETRY_MS = 2_000;
/** Who reads so slowly that this much waits is cut off; they come back, and miss nothing. */
const MOST_WAITING_BYTES = 1_000_000;
/** Who was away for longer loads the page anew, which tells more than a count. */
const LONGEST_AWAY_MS = 10 * 60_000;

export type LiveDeps = AdmissionDeps & FeedDeps & { log: Logger };

const querySchema = z.strictObject({
  program: z.string(),
  mode: z.enum(['live', 'test']),
  /** As Last-Event-ID, which a page cannot set itself. */
  after: z.string().optional(),
});

const scopeOfKind: Readonly<Record<NewsKind, KeyScope>> = {
  inbox_event: 'inbox:read',
  conversion: 'conversions:read',
  message: 'webhooks:read',
};

interface Stream extends Viewer {
  /** A key's id, or `admin`. */
  of: string;
  isAdmitted: () => Promise<boolean>;
  beat: () => void;
  end: () => void;
}

/**
 * `/live`: server-sent events that tell whoever is signed in what came into a program and mode: kind, id and time, as far as
 * their scopes let them read it. All streams end with `stopping`.
 */
export function liveRoutes(deps: LiveDeps, stopping: AbortSignal): Router {
  const feeds = new Map<string, LiveFeed>();
  const streams = new Set<Stream>();
  let timers: NodeJS.Timeout[] = [];

  const join = (stream: Stream, programId: string, mode: 'live' | 'test'): (() => void) => {
    const name = `${programId} ${mode}`;
    const feed = feeds.get(name) ?? new LiveFeed(deps, { programId, livemode: mode === 'live' });
    feeds.set(name, feed);
    feed.join(stream);
    streams.add(stream);
    if (timers.length === 0) {
      timers = [
        setInterval(() => void endRefused(streams), CHECK_MS),
        setInterval(() => {
          for (const each of streams) each.beat();
        }, HEARTBEAT_MS),
      ];
    }
    return () => {
      feed.leave(stream);
      if (!feed.isWatched) feeds.delete(name);
      streams.delete(stream);
      if (streams.size > 0) return;
      for (const timer of timers) clearInterval(timer);
      timers = [];
    };
  };
  stopping.addEventListener('abort', () => {
    for (const stream of streams) stream.end();
  });

  const router = Router({ strict: true, caseSensitive: true });
  router.get('/live', async (req, res) => {
    res.setHeader('Cache-Control', 'no-store');
    const query = validate(querySchema, readQuery(req.url), 'The query');
    const session = await readSession(deps, req);
    const caller = session && (await callerOf(deps, session, req, res));
    if (!session || !caller) throw new AppError('UNAUTHORIZED', 'Nobody is signed in here, or no longer');
    await limitConsole(deps, caller, res);
    await assertSees(deps, caller, query);
    const of = caller.kind === 'key' ? caller.principal.keyId : 'admin';
    assertRoom(streams, of, stopping);
    if (req.method === 'HEAD') {
      res.type('text/event-stream').end();
      return;
    }
    const since = sinceOf(req.get('last-event-id') ?? query.after);
    const stream = openStream(res, {
      of,
      since,
      kinds: kindsOf(caller),
      isAdmitted: () => isStillIn(deps, session, req),
    });
    res.once('close', join(stream, query.program, query.mode));
  });
  router.use(answerApiError);
  return router;
}

async function assertSees(deps: LiveDeps, caller: Caller, query: z.output<typeof querySchema>): Promise<void> {
  if (caller.kind === 'admin') {
    found(await findProgram(deps.db, query.program), 'Program');
    return;
  }
  const { programId, mode } = caller.principal;
  if (query.program !== programId || query.mode !== mode) found(null, 'Program');
}

function assertRoom(streams: ReadonlySet<Stream>, of: string, stopping: AbortSignal): void {
  if (stopping.aborted) throw new AppError('UNAVAILABLE', 'This process is stopping', { retryAfterS: 1 });
  if (streams.size >= MOST_VIEWERS) {
    throw new AppError('UNAVAILABLE', 'As many pages are open as this process follows', { retryAfterS: 60 });
  }
  if ([...streams].filter((stream) => stream.of === of).length >= MOST_OF_ONE) {
    throw new AppError('RATE_LIMITED', `At most ${MOST_OF_ONE} open pages of one key are followed`, {
      retryAfterS: 60,
    });
  }
}

/** What a caller may read in lists, they are told of. */
function kindsOf(caller: Caller): ReadonlySet<NewsKind> {
  if (caller.kind === 'admin') return new Set(newsKinds);
  return new Set(newsKinds.filter((kind) => caller.principal.scopes.has(scopeOfKind[kind])));
}

/** Where a viewer stands; now, where they say nothing that makes sense. */
function sinceOf(position: string | undefined): number {
  const now = Date.now();
  if (position === undefined || !/^\d{1,15}$/.test(position)) return now;
  return Math.min(now, Math.max(now - LONGEST_AWAY_MS, Number(position)));
}

/** While the database is away nobody knows: then nothing is told anyway. */
async function isStillIn(deps: LiveDeps, session: Session, req: Request): Promise<boolean> {
  if (isOver(session, deps.clock.now())) return false;
  if (session.kind === 'admin') return true;
  const principal = await findPrincipalOf(deps.db, session.keyId).catch(() => undefined);
  return principal === undefined || (principal !== null && isUsableFrom(principal, req));
}

async function endRefused(streams: ReadonlySet<Stream>): Promise<void> {
  for (const stream of streams) if (!(await stream.isAdmitted())) stream.end();
}

function openStream(
  res: Response,
  {
    of,
    since,
    kinds,
    isAdmitted,
  }: { of: string; since: number; kinds: ReadonlySet<NewsKind>; isAdmitted: () => Promise<boolean> },
): Stream {
  res.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
  // What stands in front must not collect it first (nginx).
  res.setHeader('X-Accel-Buffering', 'no');
  let position = since;
  const send = (text: string): void => {
    if (res.writableEnded) return;
    res.write(text);
    if (res.writableLength > MOST_WAITING_BYTES) res.destroy();
  };
  send(`retry: ${RETRY_MS}\nid: ${position}\n\n`);
  return {
    of,
    since,
    isAdmitted,
    tell(told: Told) {
      position = told.position;
      const news = told.news.filter(({ kind }) => kinds.has(kind));
      if (news.length === 0 && !told.isMore) return;
      send(`id: ${position}\nevent: news\ndata: ${JSON.stringify({ news, isMore: told.isMore })}\n\n`);
    },
    // With the position, so that who comes back after a quiet time need not look back over all of it.
    beat: () => send(`id: ${position}\n\n`),
    end: () => void res.end(),
  };
}
