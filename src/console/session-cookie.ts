import type { Request, Response } from 'express';
import { z } from 'zod';
import type { SealedPlace, SecretBox } from '../db/secret-box.ts';
import type { Clock } from '../domain/clock.ts';
import type { Config } from '../process/config.ts';

/**
 * Who is signed in: the id of a key, or a digest of the admin token, never either of them itself. A key that is revoked and a
 * token that is replaced end their sessions so.
 */
const sessionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key'), keyId: z.string(), startedAt: z.int(), usedAt: z.int() }),
  z.strictObject({ kind: z.literal('admin'), digest: z.string(), startedAt: z.int(), usedAt: z.int() }),
]);
/** `startedAt` and `usedAt` in ms since 1970. */
export type Session = z.output<typeof sessionSchema>;

const NAME = 'tributary_console';
const HOUR_MS = 3_600_000;

/** Without a request for so long it is over, */
const IDLE_MS = 12 * HOUR_MS;
/** and in any case after that. */
const LONGEST_MS = 7 * 24 * HOUR_MS;
/** A session in use is written anew so often, not at every request. */
const RENEW_MS = 5 * 60_000;

const place: SealedPlace = { table: 'console_session', column: 'session', row: [] };

export interface SessionDeps {
  config: Config;
  secrets: SecretBox;
  clock: Clock;
}

/** The session of a request; null where it has none, or one that is over or not ours. */
export async function readSession({ secrets, clock }: SessionDeps, req: Request): Promise<Session | null> {
  const sealed = readCookie(req.headers.cookie ?? '', NAME);
  if (sealed === null) return null;
  const text = await secrets.open(sealed, place).catch(() => null);
  if (text === null) return null;
  const session = sessionSchema.parse(JSON.parse(text));
  return isOver(session, clock.now()) ? null : session;
}

export function isOver({ usedAt, startedAt }: Session, now: Date): boolean {
  return now.getTime() >= Math.min(usedAt + IDLE_MS, startedAt + LONGEST_MS);
}

/** Begins a session. */
export async function startSession(
  deps: SessionDeps,
  res: Response,
  who: { kind: 'key'; keyId: string } | { kind: 'admin'; digest: string },
): Promise<void> {
  const now = deps.clock.now().getTime();
  await writeSession(deps, res, { ...who, startedAt: now, usedAt: now });
}

/** A session in use goes on. */
export async function keepSession(deps: SessionDeps, res: Response, session: Session): Promise<void> {
  const now = deps.clock.now().getTime();
  if (now - session.usedAt >= RENEW_MS) await writeSession(deps, res, { ...session, usedAt: now });
}

export function endSession({ config }: SessionDeps, res: Response): void {
  res.append('Set-Cookie', `${NAME}=; ${attributes(config)}; Max-Age=0`);
}

async function writeSession({ config, secrets, clock }: SessionDeps, res: Response, session: Session): Promise<void> {
  const sealed = await secrets.seal(JSON.stringify(session), place);
  const leftMs = Math.min(IDLE_MS, session.startedAt + LONGEST_MS - clock.now().getTime());
  res.append('Set-Cookie', `${NAME}=${sealed}; ${attributes(config)}; Max-Age=${Math.ceil(leftMs / 1000)}`);
}

function attributes({ publicUrl }: Config): string {
  const { protocol } = new URL(publicUrl);
  return `Path=${consolePath(publicUrl)}; HttpOnly; SameSite=Lax${protocol === 'https:' ? '; Secure' : ''}`;
}

/** Where the console is, as browsers see it: a hub may stand under a path. */
export function consolePath(publicUrl: string): string {
  return `${new URL(publicUrl).pathname.replace(/\/$/, '')}/console`;
}

/** A sealed value has no character that a cookie would have to quote. */
function readCookie(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const [key = '', value = ''] = pair.trim().split('=', 2);
    if (key === name && value !== '') return value;
  }
  return null;
}
