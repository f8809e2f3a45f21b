import { z } from 'zod';
import type { Fact } from '../../domain/facts.ts';
import { UnreadableMessage } from '../unreadable-message.ts';
import { flag, optionalWord, orAbsent, requiredInteger, requiredWord } from './schemas.ts';

/** A snapshot event of Stripe, its envelope read; `object` is still as it came. */
export interface StripeMessage {
  type: string;
  /** The Connect account that the event is about, null for the receiver's own. Ids are unique within it. */
  account: string | null;
  livemode: boolean;
  /** `created` of the event, ISO 8601. */
  occurredAt: string;
  object: unknown;
  /** The former values of what the event changed, where it says so. */
  previous: Record<string, unknown>;
  /** When the hub received it: times more than a year after that are refused. */
  receivedAt: Date;
}

/** What a handler makes of one event: facts, or the reason why there are none. */
export type Reading = Fact[] | { ignored: string };

const envelope = z.object({
  type: requiredWord,
  created: requiredInteger,
  livemode: flag,
  account: optionalWord,
  data: z.object({ object: z.unknown(), previous_attributes: orAbsent(z.record(z.string(), z.unknown()), {}) }),
});

/** Reads the envelope of a snapshot event. Throws UnreadableMessage. */
export function readEnvelope(event: unknown, receivedAt: Date): StripeMessage {
  const { type, created, livemode, account, data } = parse(envelope, event, 'event');
  const occurredAt = toInstant(created, receivedAt);
  return { type, account, livemode, occurredAt, object: data.object, previous: data.previous_attributes, receivedAt };
}

/** Parses the event's object by a family's schema. Throws UnreadableMessage that names the first field at fault. */
export function readObject<T>(schema: z.ZodType<T>, message: StripeMessage): T {
  return parse(schema, message.object, message.type);
}

/** Whether the object says that it has none: versions without the field say nothing. */
export function saysNone(message: StripeMessage, field: string): boolean {
  return (message.object as Record<string, unknown>)[field] === null;
}

/** Whether the object has none, said or not said: something of an unknown shape is something. */
export function lacks(message: StripeMessage, field: string): boolean {
  return ((message.object as Record<string, unknown>)[field] ?? null) === null;
}

/** For the ids of statements that a later one may take back: what is said at another time is another statement. */
export function stateAt(message: StripeMessage): string {
  return String(Date.parse(message.occurredAt) / 1000);
}

/**
 * Unix seconds as ISO 8601 UTC with milliseconds. Throws UnreadableMessage for times before 1970 or more than a year
 * after the message was received; nearer ones are taken (test clocks, early renewals).
 */
export function toInstant(seconds: number, receivedAt: Date): string {
  const latest = new Date(receivedAt);
  latest.setUTCFullYear(latest.getUTCFullYear() + 1);
  if (seconds < 0) throw new UnreadableMessage(`the time ${seconds} is before 1970`);
  if (seconds * 1000 > latest.getTime()) throw new UnreadableMessage(`the time ${seconds} is more than a year ahead`);
  return new Date(seconds * 1000).toISOString();
}

/**
 * When an order began, as far as an object tells: the earliest of its times, where that is before what the fact is about
 * happened. Nothing otherwise, and where the object tells no time.
 */
export function toBeginning(
  message: StripeMessage,
  occurredAt: string,
  ...times: (number | null | undefined)[]
): { beganAt?: string } {
  const told = times.flatMap((time) =>
    time === null || time === undefined ? [] : toInstant(time, message.receivedAt),
  );
  const [beganAt] = told.filter((time) => time < occurredAt).sort();
  return beganAt === undefined ? {} : { beganAt };
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue === undefined || issue.path.length === 0 ? 'the object' : issue.path.join('.');
  throw new UnreadableMessage(`${what}: ${path}: ${issue?.message ?? 'not readable'}`);
}
