import { z } from 'zod';
import { findCodeProblem } from '../domain/codes.ts';
import { isTimezone } from '../domain/calendar.ts';
import { isCurrency } from '../domain/currency.ts';
import { findDestinationProblem, findUrlProblem } from '../domain/destinations.ts';
import { emailPattern } from '../domain/email.ts';
import { parseTime } from '../domain/parse-time.ts';
import { isNetwork, readAddress } from './client-address.ts';
import { rendersAs } from './json-schema.ts';

// Schemas that several resources share, for what comes in (bodies, queries) and what goes out.

/** Text that says something: trimmed, not empty. */
export function text(maxLength = 255) {
  return z.string().trim().min(1).max(maxLength);
}

/** An id, or a code where the route takes one. Whether there is such a thing only the database can say. */
export const reference = text(255);

export const email = z
  .string()
  .trim()
  .max(254)
  .regex(emailPattern, 'must be an e-mail address')
  .meta(rendersAs({ format: 'email', pattern: undefined }));

export const httpUrl = z
  .string()
  .trim()
  .max(2048)
  .superRefine(refuseFor(findUrlProblem))
  .meta({ format: 'uri', example: 'https://shop.example.com/welcome' });

/** Where links lead; may hold macros. */
export const destinationUrl = z
  .string()
  .trim()
  .max(2048)
  .superRefine(refuseFor(findDestinationProblem))
  .meta({ format: 'uri', example: 'https://shop.example.com/welcome?cid={click_id}' });

/** Codes that people type, when one is made: any characters but spaces and what looks like others; without case. */
export const code = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^\S+$/, 'must not contain spaces')
  .superRefine(refuseFor(findCodeProblem));

/** A visitor's address as their server found it: with a port, mapped into IPv6; `unknown`, as proxies say, is null. */
export const clientAddress = z
  .string()
  .trim()
  .refine((value) => value === 'unknown' || readAddress(value) !== null, 'must be an IP address')
  .transform(readAddress);

/** Whom a key or a source may be used by. */
export const network = z
  .string()
  .trim()
  .refine((value) => isNetwork(value), 'must be an address or a CIDR such as 203.0.113.0/24')
  .meta({ example: '203.0.113.0/24' });

export const currency = z
  .string()
  .trim()
  .toUpperCase()
  .refine(isCurrency, 'must be an ISO 4217 currency such as USD')
  .meta({ example: 'USD' });

export const timezone = z
  .string()
  .refine(isTimezone, 'must be an IANA time zone such as Europe/Berlin')
  .meta({ example: 'Europe/Berlin' });

/** A moment in a body: ISO 8601 with an offset, or Unix time. */
export const moment = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const time = parseTime(String(value).trim());
    if (time) return time;
    context.addIssue({ code: 'custom', message: 'must be ISO 8601 with an offset, or Unix seconds or milliseconds' });
    return z.NEVER;
  })
  .meta(rendersAs({ anyOf: undefined, type: ['string', 'number'], example: '2026-01-31T12:00:00.000Z' }));

const dayOrInstant = (description: string) =>
  z
    .string()
    .refine(isDayOrInstant, 'must be a day such as 2026-01-31, or ISO 8601 with an offset')
    .transform((value) => (isDay(value) ? value : (parseTime(value) as Date).toISOString()))
    .meta({ description, example: '2026-01-31' });

/** Query parameters of lists that can be limited to a period. */
export const periodQuery = {
  startDate: dayOrInstant("From this day of the program's time zone, or this instant, on").optional(),
  endDate: dayOrInstant("Up to this day of the program's time zone, or this instant, inclusive").optional(),
};

/** Whether a call only tells what it would do. */
export const dryRunQuery = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .optional()
  .meta({ description: 'true: nothing is written, and the answer is what the call would get', example: 'true' });

/** Times in answers: ISO 8601 UTC with milliseconds. */
export const timestamp = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  .meta(rendersAs({ format: 'date-time', pattern: undefined, example: '2026-01-31T12:00:00.000Z' }));

export const amountMinor = z.int().meta({ description: 'Integer minor units of the currency' });

export const livemode = z
  .boolean()
  .meta({ description: 'False for what came by a test key, a test click or a test event' });

/** Of configuration: affiliates, offers, links, endpoints. */
export const configurationMode = z
  .boolean()
  .meta({ description: 'False: a test key made it, and it serves test traffic only' });

/** In a PATCH of configuration. */
export const takeOver = z
  .literal(true, 'must be true: what is live stays live')
  .optional()
  .meta({ description: 'true takes over what a test key made; for live keys that may write' });

/** A list of words in a query: `status=pending,approved`. */
export function wordsOf<const W extends readonly [string, ...string[]]>(words: W) {
  const allowed: readonly string[] = words;
  return z
    .string()
    .transform((value, context) => {
      const given = value.split(',').map((word) => word.trim());
      if (given.every((word): word is W[number] => allowed.includes(word))) return given;
      context.addIssue({ code: 'custom', message: `must be one of ${words.join(', ')}, or several with commas` });
      return z.NEVER;
    })
    .meta({ description: `One of ${words.join(', ')}; several with commas`, example: words[0] });
}

/** A word in an answer, of which the document lists all. */
export function word(words: readonly string[]) {
  return z.enum(words);
}

/** A word of the hub's own, or what people wrote in its place. */
export function wordOrText(words: readonly string[]) {
  return z.union([z.enum(words), z.string()]);
}

/** A refinement that refuses a text in the words of `findProblem`. */
function refuseFor(findProblem: (text: string) => string | null) {
  return (value: string, context: z.RefinementCtx): void => {
    const problem = findProblem(value);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem });
  };
}

function isDayOrInstant(value: string): boolean {
  if (!isDay(value)) return /^\d{4}-/.test(value) && parseTime(value) !== null;
  const day = new Date(`${value}T00:00:00Z`);
  return /^[12]\d{3}-\d\d-\d\d$/.test(value) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value);
}

function isDay(value: string): boolean {
  return value.length === 10;
}
