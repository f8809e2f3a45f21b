import { decodeEscapes, encodeComponent } from '../../domain/byte-text.ts';
import { hasDotSegment } from '../../domain/dot-segments.ts';
import { formatDate, findDateProblem } from './date-format.ts';

/**
 * What a postback can say of a conversion, by macro name. A value that the conversion does not have is an empty text.
 */
export const postbackMacros = {
  click_id: "The affiliate's own click id (what came in as sub1), else ours",
  payout: "What the affiliate earns, in major units with the currency's decimals",
  amount: 'The net amount of the sale, in major units',
  currency: "The payout's currency, ISO 4217",
  txid: "The sender's order id, else the conversion's id",
  conversion_id: "The conversion's id",
  status: 'pending, approved, paid, rejected or reversed',
  goal: 'The goal of the conversion, as it came in',
  offer_id: "The offer's id",
  affiliate_id: "The affiliate's id",
  sub1: 'sub1 of the click',
  sub2: 'sub2 of the click',
  sub3: 'sub3 of the click',
  sub4: 'sub4 of the click',
  sub5: 'sub5 of the click',
  date: 'The time of the conversion: {date:FORMAT,TIMEZONE}; ISO 8601 in UTC unless said',
  timestamp: 'The time of the conversion in Unix seconds',
} as const;

export type MacroName = keyof typeof postbackMacros;

export interface PostbackValues extends Record<Exclude<MacroName, 'date' | 'timestamp'>, string> {
  occurredAt: Date;
  /** Other words for the status that a value map may use (hold, sale, lead, rejected), the closest first. */
  statusWords: readonly string[];
}

/** How values are written into the text around them. */
export type Encoding = 'url' | 'json';

interface MacroUse {
  name: MacroName;
  /** The text after the colon. */
  argument: string | null;
  /** The text after the bar: used instead of an empty value, or of one that the value map does not have. */
  fallback: string | null;
}

export interface PostbackTemplate {
  parts: readonly (string | MacroUse)[];
  macros: ReadonlySet<MacroName>;
}

export type ParsedTemplate = { ok: true; template: PostbackTemplate } | { ok: false; problem: string };

/**
 * `{name}`, `{name:argument}`, `{name|fallback}`, with spaces where people write them. JSON's own braces are followed by a
 * quote, never by a letter.
 */
const macroPattern = /\{(\s*)([A-Za-z][A-Za-z0-9_]*)\s*(?::([^{}|]*))?(?:\|([^{}]*))?\}/g;

export function parseTemplate(text: string): ParsedTemplate {
  const parts: (string | MacroUse)[] = [];
  let end = 0;
  for (const match of text.matchAll(macroPattern)) {
    const [whole, space = '', rawName = '', rawArgument, rawFallback] = match;
    const name = rawName.toLowerCase();
    if (!isMacroName(name)) {
      if (space !== '') continue;
      return { ok: false, problem: `has an unknown macro ${whole}: there are ${macroList}` };
    }
    const argument =
      rawArgument === undefined ? null : name === 'date' ? decodeFormat(rawArgument) : decodeEscapes(rawArgument);
    const fallback = rawFallback === undefined ? null : decodeEscapes(rawFallback);
    const problem = argument === null ? null : findArgumentProblem(name, argument);
    if (problem) return { ok: false, problem: `has ${whole}, which ${problem}` };
    parts.push(text.slice(end, match.index), { name, argument, fallback });
    end = match.index + whole.length;
  }
  parts.push(text.slice(end));
  const macros = new Set(parts.flatMap((part) => (typeof part === 'string' ? [] : [part.name])));
  return { ok: true, template: { parts, macros } };
}

const macroList = Object.keys(postbackMacros)
  .map((name) => `{${name}}`)
  .join(', ');

/** An address bar writes `%20` for a space. Formats of dates have percent signs of their own, but never before a digit. */
function decodeFormat(argument: string): string {
  return argument.replaceAll(/%[2-7][0-9a-f]/gi, decodeURIComponent);
}

export function renderTemplate({ parts }: PostbackTemplate, values: PostbackValues, encoding: Encoding): string {
  return parts.map((part) => (typeof part === 'string' ? part : encode(readMacro(part, values), encoding))).join('');
}

/**
 * A URL, by a template whose host has no macros. In its path a value that would lead to another folder of the tracker
 * (`..`, or `../../x` where a proxy decodes slashes) is left out like one that the conversion does not have: visitors
 * choose what comes in as sub1.
 */
export function renderUrl({ parts }: PostbackTemplate, values: PostbackValues): string {
  let inPath = true;
  return parts
    .map((part) => {
      if (typeof part === 'string') {
        inPath &&= !/[?#]/.test(part);
        return part;
      }
      const value = readMacro(part, values);
      return encode(inPath && hasDotSegment(value) ? withoutDots(part.fallback) : value, 'url');
    })
    .join('');
}

function withoutDots(fallback: string | null): string {
  return fallback === null || hasDotSegment(fallback) ? '' : fallback;
}

function readMacro({ name, argument, fallback }: MacroUse, values: PostbackValues): string {
  if (name === 'date') return formatDate(values.occurredAt, argument ?? '');
  if (name === 'timestamp') return String(Math.floor(values.occurredAt.getTime() / 1000));
  const value = values[name];
  if (argument === null) return value === '' ? (fallback ?? '') : value;
  const map = parseValueMap(argument);
  const words = name === 'status' ? [value, ...values.statusWords] : [value];
  const mapped = words.map((word) => map.get(word.toLowerCase())).find((found) => found !== undefined);
  return mapped ?? map.get('*') ?? fallback ?? value;
}

/** `lead=0,sale=1` or, as other trackers write it, `lead=0 sale=1`; `*` stands for all else. */
function parseValueMap(argument: string): Map<string, string> {
  const pairs = argument.split(/[,\s]+/).filter((pair) => pair !== '');
  return new Map(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, equals).toLowerCase(), pair.slice(equals + 1)];
    }),
  );
}

function findArgumentProblem(name: MacroName, argument: string): string | null {
  if (name === 'date') return findDateProblem(argument);
  if (name === 'timestamp') return 'takes no argument';
  return /^[,\s]*[^=,\s]+=[^,\s]*([,\s]+[^=,\s]+=[^,\s]*)*[,\s]*$/.test(argument)
    ? null
    : 'must map values as in {status:lead=0,sale=1}';
}

function encode(value: string, encoding: Encoding): string {
  return encoding === 'url' ? encodeComponent(value) : JSON.stringify(value).slice(1, -1);
}

function isMacroName(name: string): name is MacroName {
  return Object.hasOwn(postbackMacros, name);
}
