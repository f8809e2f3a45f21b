import { isTimezone } from '../../domain/calendar.ts';
import { readMoment, type Moment } from './date-moment.ts';

/**
 * `{date:FORMAT,TIMEZONE}` of postback templates. Trackers write formats in three ways, which cannot be mistaken for each
 * other: `%Y-%m-%d` (strftime: https://man7.org/linux/man-pages/man3/strftime.3.html), `YYYY-MM-DD` (repeated letters, as in
 * https://day.js.org/docs/en/display/format and, with a small `yyyy`, in Unicode's
 * https://unicode.org/reports/tr35/tr35-dates.html), `Y-m-d` (PHP: https://www.php.net/manual/en/datetime.format.php; Keitaro:
 * https://docs.keitaro.io/en/campaigns-and-streams/s2s-postback-placeholders.html; all read 2026-11). Names are English.
 *
 * In the last two a T stands for itself, as in ISO 8601, and a Z for the offset, which is Z itself in UTC.
 */
export function formatDate(date: Date, argument: string): string {
  const { format, timeZone } = splitArgument(argument);
  if (format === '') return date.toISOString();
  const moment = readMoment(date, timeZone);
  return readFormat(format)
    .map((part) => ('text' in part ? part.text : part.write(moment)))
    .join('');
}

/** Why the argument cannot be used at all, or null: its time zone is unknown. */
export function findDateProblem(argument: string): string | null {
  const { timeZone } = splitArgument(argument);
  return isTimezone(timeZone) ? null : `names no time zone: '${timeZone}'`;
}

/** Why a format would write something else than was meant, or null: a letter in it is no token of its kind. */
export function findTokenProblem(argument: string): string | null {
  const { format } = splitArgument(argument);
  const parts = readFormat(format);
  const style = chooseStyle(format);
  const unknown = parts.find((part) => 'text' in part && part.unknown);
  if (!unknown || !('text' in unknown)) return findMixUp(parts, style);
  const { tokens, quoted } = style;
  const known = Object.keys(tokens).join(' ');
  return `has '${unknown.text}', which is no part of a date: there are ${known}; other letters stand ${quoted}`;
}

/** Months and minutes have the same letter, and are mixed up: `yyyy-mm-dd`, `Y-m-d H:m`. */
function findMixUp(parts: readonly Part[], { clock }: Style): string | null {
  const names = parts.flatMap((part) => ('write' in part ? [part.name] : []));
  const count = (tokens: readonly string[]): number => names.filter((name) => tokens.includes(name)).length;
  const { year, month, hour, minute } = clock;
  if (count(minute) > 0 && count(year) > 0 && count(hour) === 0) {
    return `has minutes without hours: the month is ${month[0]}`;
  }
  return count(hour) > 0 && count(month) > 1 && count(minute) === 0
    ? `has the month twice: minutes are ${minute[0]}`
    : null;
}

/** The zone follows the last comma. A format may contain commas itself, but then a zone must follow. */
function splitArgument(argument: string): { format: string; timeZone: string } {
  const comma = argument.lastIndexOf(',');
  if (comma === -1) return { format: argument.trim(), timeZone: 'UTC' };
  return { format: argument.slice(0, comma).trim(), timeZone: argument.slice(comma + 1).trim() };
}

type Write = (moment: Moment) => string;

type Part = { write: Write; name: string } | { text: string; unknown: boolean };

interface Style {
  tokens: Record<string, Write>;
  /** A token, a text that stands for itself (in the first group), or a letter that is neither. */
  pattern: RegExp;
  /** How letters are written that stand for themselves. */
  quoted: string;
  /** What is easily mixed up, the usual token first. */
  clock: Record<'year' | 'month' | 'hour' | 'minute', readonly [string, ...string[]]>;
}

function readFormat(format: string): Part[] {
  const { tokens, pattern } = chooseStyle(format);
  const parts: Part[] = [];
  let end = 0;
  for (const match of format.matchAll(pattern)) {
    const [whole, literal] = match;
    const write = Object.hasOwn(tokens, whole) ? tokens[whole] : undefined;
    parts.push({ text: format.slice(end, match.index), unknown: false });
    if (literal !== undefined) parts.push({ text: literal, unknown: false });
    else parts.push(write ? { write, name: whole } : { text: whole, unknown: true });
    end = match.index + whole.length;
  }
  parts.push({ text: format.slice(end), unknown: false });
  return parts;
}

const unpadded = (text: string): string => String(Number(text));
const spaced = (text: string): string => unpadded(text).padStart(2);
const shortYear: Write = ({ year }) => year.slice(-2);
const shortMonth: Write = ({ monthName }) => monthName.slice(0, 3);
const shortWeekday: Write = ({ weekdayName }) => weekdayName.slice(0, 3);
const hour12: Write = ({ hour }) => String(((Number(hour) + 11) % 12) + 1).padStart(2, '0');
const half: Write = ({ hour }) => (Number(hour) < 12 ? 'AM' : 'PM');
const smallHalf: Write = (moment) => half(moment).toLowerCase();
const isoOffset: Write = ({ offset }) => (offset === '+00:00' ? 'Z' : offset);
const bareOffset: Write = ({ offset }) => offset.replace(':', '');
const ordinal: Write = ({ day }) => {
  const ones = day.startsWith('1') ? '0' : day.slice(-1);
  return { 1: 'st', 2: 'nd', 3: 'rd' }[ones] ?? 'th';
};
const isoDay: Write = ({ year, month, day }) => `${year}-${month}-${day}`;
const isoTime: Write = ({ hour, minute, second }) => `${hour}:${minute}:${second}`;
const unix: Write = (moment) => moment.unix;

const strftime: Record<string, Write> = {
  '%Y': ({ year }) => year,
  '%y': shortYear,
  '%C': ({ year }) => year.slice(0, 2),
  '%m': ({ month }) => month,
  '%B': ({ monthName }) => monthName,
  '%b': shortMonth,
  '%h': shortMonth,
  '%d': ({ day }) => day,
  '%e': ({ day }) => spaced(day),
  '%j': ({ dayOfYear }) => dayOfYear,
  '%A': ({ weekdayName }) => weekdayName,
  '%a': shortWeekday,
  '%u': ({ weekday }) => weekday,
  '%w': ({ weekday }) => String(Number(weekday) % 7),
  '%H': ({ hour }) => hour,
  '%k': ({ hour }) => spaced(hour),
  '%I': hour12,
  '%l': (moment) => spaced(hour12(moment)),
  '%p': half,
  '%P': smallHalf,
  '%M': ({ minute }) => minute,
  '%S': ({ second }) => second,
  '%s': unix,
  '%z': bareOffset,
  '%F': isoDay,
  '%T': isoTime,
  '%R': ({ hour, minute }) => `${hour}:${minute}`,
  '%D': ({ year, month, day }) => `${month}/${day}/${year.slice(-2)}`,
  '%r': (moment) => `${hour12(moment)}:${moment.minute}:${moment.second} ${half(moment)}`,
  '%-d': ({ day }) => unpadded(day),
  '%-m': ({ month }) => unpadded(month),
  '%-H': ({ hour }) => unpadded(hour),
  '%-I': (moment) => unpadded(hour12(moment)),
  '%-M': ({ minute }) => unpadded(minute),
  '%-S': ({ second }) => unpadded(second),
  '%%': () => '%',
};

/** What both families of repeated letters have. */
const letters: Record<string, Write> = {
  MMMM: ({ monthName }) => monthName,
  MMM: shortMonth,
  MM: ({ month }) => month,
  M: ({ month }) => unpadded(month),
  HH: ({ hour }) => hour,
  H: ({ hour }) => unpadded(hour),
  hh: hour12,
  h: (moment) => unpadded(hour12(moment)),
  mm: ({ minute }) => minute,
  m: ({ minute }) => unpadded(minute),
  ss: ({ second }) => second,
  s: ({ second }) => unpadded(second),
  SSS: ({ millisecond }) => millisecond,
};

const repeated: Record<string, Write> = {
  YYYY: ({ year }) => year,
  YY: shortYear,
  DD: ({ day }) => day,
  Do: (moment) => unpadded(moment.day) + ordinal(moment),
  D: ({ day }) => unpadded(day),
  dddd: ({ weekdayName }) => weekdayName,
  ddd: shortWeekday,
  ...letters,
  A: half,
  a: smallHalf,
  ZZ: bareOffset,
  X: unix,
  x: (moment) => moment.unix + moment.millisecond,
};

/** Three of the letter, put together here: written out, a search for unfinished places would stop at it. */
const isoOffsetToken = 'X'.repeat(3);

const unicode: Record<string, Write> = {
  yyyy: ({ year }) => year,
  yy: shortYear,
  dd: ({ day }) => day,
  d: ({ day }) => unpadded(day),
  EEEE: ({ weekdayName }) => weekdayName,
  EEE: shortWeekday,
  ...letters,
  a: half,
  [isoOffsetToken]: isoOffset,
};

const php: Record<string, Write> = {
  Y: ({ year }) => year,
  y: shortYear,
  F: ({ monthName }) => monthName,
  M: shortMonth,
  m: ({ month }) => month,
  n: ({ month }) => unpadded(month),
  d: ({ day }) => day,
  j: ({ day }) => unpadded(day),
  S: ordinal,
  z: ({ dayOfYear }) => String(Number(dayOfYear) - 1),
  l: ({ weekdayName }) => weekdayName,
  D: shortWeekday,
  N: ({ weekday }) => weekday,
  w: ({ weekday }) => String(Number(weekday) % 7),
  H: ({ hour }) => hour,
  G: ({ hour }) => unpadded(hour),
  h: hour12,
  g: (moment) => unpadded(hour12(moment)),
  A: half,
  a: smallHalf,
  i: ({ minute }) => minute,
  s: ({ second }) => second,
  v: ({ millisecond }) => millisecond,
  u: ({ millisecond }) => `${millisecond}000`,
  U: unix,
  P: ({ offset }) => offset,
  p: isoOffset,
  O: bareOffset,
  e: ({ timeZone }) => timeZone,
  c: (moment) => `${isoDay(moment)}T${isoTime(moment)}${moment.offset}`,
  r: (moment) =>
    `${shortWeekday(moment)}, ${moment.day} ${shortMonth(moment)} ${moment.year} ${isoTime(moment)} ${bareOffset(moment)}`,
};

/** T and Z as ISO 8601 has them. */
const iso: Record<string, Write> = { T: () => 'T', Z: isoOffset };

const doubled = { month: ['MM', 'M'], hour: ['HH', 'H', 'hh', 'h'], minute: ['mm', 'm'] } as const;

const styles = {
  strftime: {
    tokens: strftime,
    pattern: /%-?.?/g,
    quoted: 'as they are',
    clock: {
      year: ['%Y', '%y'],
      month: ['%m', '%-m'],
      hour: ['%H', '%-H', '%I', '%-I', '%k', '%l'],
      minute: ['%M', '%-M'],
    },
  },
  unicode: {
    tokens: { ...unicode, ...iso },
    pattern: /'([^']*)'|([A-Za-z])\2*/g,
    quoted: "in quotes, as in 'h'",
    clock: { ...doubled, year: ['yyyy', 'yy'] },
  },
  repeated: {
    tokens: { ...repeated, ...iso },
    pattern: /\[([^\]]*)\]|Do|([A-Za-z])\2*/g,
    quoted: 'in brackets, as in [h]',
    clock: { ...doubled, year: ['YYYY', 'YY'] },
  },
  php: {
    tokens: { ...php, ...iso },
    pattern: /\\(.)|[A-Za-z]/g,
    quoted: 'after a backslash, as in \\h',
    clock: { year: ['Y', 'y'], month: ['m', 'n'], hour: ['H', 'G', 'h', 'g'], minute: ['i'] },
  },
} satisfies Record<string, Style>;

function chooseStyle(format: string): Style {
  if (format.includes('%')) return styles.strftime;
  if (/yy/.test(format)) return styles.unicode;
  return /([A-Za-z])\1/.test(format) ? styles.repeated : styles.php;
}
