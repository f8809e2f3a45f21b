import type { Request } from 'express';
import type { Logger } from 'pino';
import { withinTime } from '../../db/connection.ts';
import type { Db } from '../../db/db.ts';
import type { Clock } from '../../domain/clock.ts';
import { readRest } from '../../http/rest-of-body.ts';
import type { Refusal } from '../../http/refusals.ts';
import { addRefusedCounts, keepSamples, type RefusedCount } from './rows.ts';
import {
  keyOf,
  MAX_READ_BYTES,
  takeMessage,
  toSample,
  type RefusedMessage,
  type RefusedSample,
  type RefusedSource,
} from './sample.ts';
import type { FieldNames } from '../fields/names.ts';

/** A message as it was turned away. */
export interface TurnedAway {
  source: RefusedSource;
  refusal: Refusal;
  /** Of the answer, and what it says. */
  status: number;
  message: string;
  /** By which its source reads fields. */
  names: FieldNames;
  /** Null: it was not read. What is short of it is read then, after the answer. */
  body: Buffer | null;
}

/**
 * Notes what sources turn away. A flood of it must cost next to nothing and the answer waits for none of it, so a process keeps
 * little in memory and writes that about twice a second, in few statements. What it has not written when it dies is lost.
 */
export interface Refusals {
  note(req: Request, refused: TurnedAway): void;
  /** Writes what was noted before. */
  flush(): Promise<void>;
  /** The same, and ends. */
  close(): Promise<void>;
}

/** Whoever sets up a source sees within two seconds that its secret does not fit, asking once a second. */
const FLUSH_AFTER_MS = 500;
const FLUSH_WITHIN_MS = 2_000;
/** While the database is away. */
const FLUSH_AGAIN_AFTER_MS = 5_000;

/** Of a source, between two writes: what differs from all others. The rest is counted. */
export const SAMPLES_OF_SOURCE = 4;
/** Of all sources: each has up to 32 KB until it is written. */
export const SAMPLES_IN_ALL = 100;
/** Beyond so many the others are told by the metrics alone. */
export const MAX_SOURCES = 2_000;
/** Reasons and hours of a source: while the database is away hours add up. */
export const COUNTS_OF_SOURCE = 64;
const MAX_READING = 50;

const HOUR_MS = 3_600_000;

interface Kept {
  message: RefusedMessage;
  count: number;
  lastAt: Date;
}

interface OfSource {
  source: RefusedSource;
  counts: Map<string, RefusedCount>;
  /** By `keyOf`. */
  messages: Map<string, Kept>;
  /** Of those that may be kept, also such as are still being read. */
  taken: number;
}

/** For one more sample: none, some, or what was set aside for it before. */
type Room = 'none' | 'free' | 'reserved';

export function openRefusals({ db, log, clock }: { db: Db; log: Logger; clock: Clock }): Refusals {
  return new Recorder(db, log, clock);
}

class Recorder implements Refusals {
  readonly #db: Db;
  readonly #log: Logger;
  readonly #clock: Clock;
  #sources = new Map<string, OfSource>();
  #taken = 0;
  #reading = 0;
  #timer: NodeJS.Timeout | null = null;
  #flushing: Promise<void> | null = null;

  constructor(db: Db, log: Logger, clock: Clock) {
    this.#db = db;
    this.#log = log;
    this.#clock = clock;
  }

  note(req: Request, refused: TurnedAway): void {
    const at = this.#clock.now();
    const known = this.#find(refused.source);
    if (known === null) return;
    addCount(known, refused.refusal, Math.floor(at.getTime() / HOUR_MS) * HOUR_MS, 1);
    this.#flushAfter(FLUSH_AFTER_MS);
    const hasRoom = known.taken < SAMPLES_OF_SOURCE && this.#taken < SAMPLES_IN_ALL;
    const { body } = refused;
    if (body === null && refused.refusal !== 'rate_limited' && isUnread(req)) {
      if (!hasRoom || this.#reading >= MAX_READING) return;
      this.#reading += 1;
      this.#take(known);
      readRest(req, MAX_READ_BYTES, (read) => {
        this.#reading -= 1;
        // What came with it may be written by now.
        const noted = this.#find(refused.source);
        if (noted) this.#keep(noted, req, refused, read, at, 'reserved');
        this.#flushAfter(FLUSH_AFTER_MS);
      });
      return;
    }
    if (!hasRoom && known.messages.size === 0) return;
    this.#keep(known, req, refused, body ?? EMPTY, at, hasRoom ? 'free' : 'none');
  }

  async flush(): Promise<void> {
    await this.#flushing;
    this.#stopTimer();
    await this.#write();
  }

  async close(): Promise<void> {
    await this.flush();
    this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #find(source: RefusedSource): OfSource | null {
    const known = this.#sources.get(source.id);
    if (known) return known;
    if (this.#sources.size >= MAX_SOURCES) return null;
    const made: OfSource = { source, counts: new Map(), messages: new Map(), taken: 0 };
    this.#sources.set(source.id, made);
    return made;
  }

  #take(known: OfSource): void {
    known.taken += 1;
    this.#taken += 1;
  }

  /** A repeat is counted, whatever room there is. */
  #keep(known: OfSource, req: Request, refused: TurnedAway, body: Buffer, at: Date, room: Room): void {
    const key = keyOf(refused.refusal, req, body);
    const same = known.messages.get(key);
    if (same) {
      same.count += 1;
      same.lastAt = at;
    } else if (room !== 'none') {
      if (room === 'free') this.#take(known);
      known.messages.set(key, { message: takeMessage(req, refused, body, at), count: 1, lastAt: at });
    }
  }

  #flushAfter(ms: number): void {
    if (this.#timer || this.#flushing) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#flushing = this.#writeInTurn();
    }, ms);
    this.#timer.unref();
  }

  async #writeInTurn(): Promise<void> {
    const isWritten = await this.#write();
    this.#flushing = null;
    if (this.#sources.size > 0) this.#flushAfter(isWritten ? FLUSH_AFTER_MS : FLUSH_AGAIN_AFTER_MS);
  }

  /** Never rejects. False: what could not be written waits for the next time. */
  async #write(): Promise<boolean> {
    const noted = [...this.#sources.values()];
    this.#sources = new Map();
    this.#taken = 0;
    if (noted.length === 0) return true;
    const counts = noted.flatMap((each) => [...each.counts.values()]);
    const read: RefusedSample[] = [];
    for (const one of noted.flatMap(({ messages }) => [...messages.values()])) {
      read.push(...this.#read(one));
      // Each may take a millisecond or two, in which nobody is answered.
      await new Promise(setImmediate);
    }
    const samples = mergeRepeats(read);
    const within = (work: (session: Db) => Promise<void>): Promise<boolean> =>
      withinTime(this.#db, FLUSH_WITHIN_MS, work).then(
        () => true,
        (error: unknown) => {
          this.#log.debug({ err: error }, 'refused requests are not written');
          return false;
        },
      );
    const counted = await within((session) => addRefusedCounts(session, counts));
    const kept = await within((session) => keepSamples(session, samples));
    if (counted && kept) return true;
    this.#giveBack(noted, { counted, kept });
    return false;
  }

  /** None of a message that cannot be read after all: senders decide what it is. */
  #read({ message, count, lastAt }: Kept): RefusedSample[] {
    try {
      return [toSample(message, count, lastAt)];
    } catch (error) {
      this.#log.warn({ err: error, refusal: message.refusal }, 'a refused request cannot be kept');
      return [];
    }
  }

  /** As far as there is room beside what came meanwhile. */
  #giveBack(noted: readonly OfSource[], { counted, kept }: { counted: boolean; kept: boolean }): void {
    for (const { source, counts, messages } of noted) {
      const known = this.#find(source);
      if (!known) continue;
      if (!counted) for (const { reason, hourMs, count } of counts.values()) addCount(known, reason, hourMs, count);
      if (kept) continue;
      for (const [key, each] of messages) {
        if (known.taken >= SAMPLES_OF_SOURCE || this.#taken >= SAMPLES_IN_ALL || known.messages.has(key)) continue;
        this.#take(known);
        known.messages.set(key, each);
      }
    }
  }
}

const EMPTY = Buffer.alloc(0);

function addCount({ source, counts }: OfSource, reason: Refusal, hourMs: number, count: number): void {
  const key = `${hourMs} ${reason}`;
  const known = counts.get(key);
  if (known) known.count += count;
  else if (counts.size < COUNTS_OF_SOURCE) counts.set(key, { source, reason, hourMs, count });
}

/** What differed only in what is not kept is one sample. */
function mergeRepeats(samples: readonly RefusedSample[]): RefusedSample[] {
  const merged = new Map<string, RefusedSample>();
  for (const sample of samples) {
    const key = `${sample.source.id} ${sample.digest}`;
    const known = merged.get(key);
    if (!known) merged.set(key, sample);
    else {
      known.count += sample.count;
      if (sample.lastAt > known.lastAt) known.lastAt = sample.lastAt;
    }
  }
  return [...merged.values()];
}

/** Whether there is a body that nobody has begun to read, of a size that is worth it and as text. */
function isUnread(req: Request): boolean {
  const { 'content-length': length, 'transfer-encoding': transfer, 'content-encoding': encoding } = req.headers;
  const hasBody = transfer !== undefined || Number(length ?? 0) > 0;
  return hasBody && encoding === undefined && !req.destroyed && req.readableFlowing === null && !req.readableEnded;
}
