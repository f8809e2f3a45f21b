import { isTimezone } from '../../domain/calendar.ts';

/**
 * `{date:FORMAT,TIMEZONE}` of postback templates. Trackers write formats in three ways, which cannot be mistaken for
 * each other: `%Y-%m-%d` (strftime), `YYYY-MM-DD` (repeated letters), `Y-m-d` (PHP; Keitaro:
 * https://docs.keitaro.io/en/campaigns-and-streams/s2s-postback-placeholders.html, read 2026-11).
 */
export function formatDate(date: Date, argument: string): string {
  const { format, timeZone } = splitArgument(argument);
  if (format === '') return date.toISOString();
  const fields = readFields(date, timeZone);
  const { pattern, tokens } = chooseStyle(format);
  return format.replace(pattern, (token) => tokens[token]?.(fields) ?? token);
}

/** Why the argument cannot be used, or null: its time zone is unknown. Any text is a format. */
export function findDateProblem(argument: string): string | null {
  const { timeZone } = splitArgument(argument);
  return isTimezone(timeZone) ? null : `names no time zone: '${timeZone}'`;
}

/** The zone follows the last comma. A format may contain commas itself, but then a zone must follow. */
function splitArgument(argument: string): { format: string; timeZone: string } {
  const comma = argument.lastIndexOf(',');
  if (comma === -1) return { format: argument.trim(), timeZone: 'UTC' };
  return { format: argument.slice(0, comma).trim(), timeZone: argument.slice(comma + 1).trim() };
}

type Field = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second';

interface Fields extends Record<Field, string> {
  unix: string;
}

type Tokens = Record<string, (fields: Fields) => string>;

/** The wall-clock time in a zone; two digits a field, four for the year. */
function readFields(date: Date, timeZone: string): Fields {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(date);
  const read = (type: Field): string => parts.find((part) => part.type === type)?.value ?? '';
  return {
    year: read('year').padStart(4, '0'),
    month: read('month'),
    day: read('day'),
    hour: read('hour'),
    minute: read('minute'),
    second: read('second'),
    unix: String(Math.floor(date.getTime() / 1000)),
  };
}

const shortYear = ({ year }: Fields): string => year.slice(-2);
const unpad = (text: string): string => String(Number(text));

const strftime: Tokens = {
  '%Y': ({ year }) => year,
  '%y': shortYear,
  '%m': ({ month }) => month,
  '%d': ({ day }) => day,
  '%H': ({ hour }) => hour,
  '%M': ({ minute }) => minute,
  '%S': ({ second }) => second,
  '%s': ({ unix }) => unix,
  '%%': () => '%',
};

const repeated: Tokens = {
  YYYY: ({ year }) => year,
  YY: shortYear,
  MM: ({ month }) => month,
  DD: ({ day }) => day,
  HH: ({ hour }) => hour,
  mm: ({ minute }) => minute,
  ss: ({ second }) => second,
};

const php: Tokens = {
  Y: ({ year }) => year,
  y: shortYear,
  m: ({ month }) => month,
  n: ({ month }) => unpad(month),
  d: ({ day }) => day,
  j: ({ day }) => unpad(day),
  H: ({ hour }) => hour,
  G: ({ hour }) => unpad(hour),
  i: ({ minute }) => minute,
  s: ({ second }) => second,
  U: ({ unix }) => unix,
};

function chooseStyle(format: string): { pattern: RegExp; tokens: Tokens } {
  if (format.includes('%')) return { pattern: /%./g, tokens: strftime };
  if (/YY|MM|DD|HH|mm|ss/.test(format)) return { pattern: /YYYY|YY|MM|DD|HH|mm|ss/g, tokens: repeated };
  return { pattern: /[a-z]/gi, tokens: php };
}
