// Pure: what the API says, as people read it.
import { digitsOf } from './currencies.ts';

const moneyFormats = new Map<string, Intl.NumberFormat>();

function moneyFormat(currency: string): Intl.NumberFormat {
  const known = moneyFormats.get(currency);
  if (known) return known;
  const digits = digitsOf(currency);
  const made = new Intl.NumberFormat(undefined, {
    style: 'currency',
    currency,
    currencyDisplay: 'code',
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  moneyFormats.set(currency, made);
  return made;
}

/** `USD 49.90` of 4990 minor units, with as many decimals as the currency has. */
export function formatMoney(minor: number, currency: string): string {
  return moneyFormat(currency).format(toMajor(minor, currency));
}

/** 49.9 of 4990 US cents. */
export function toMajor(minor: number, currency: string): number {
  return minor / 10 ** digitsOf(currency);
}

const counts = new Intl.NumberFormat();

export function formatCount(count: number): string {
  return counts.format(count);
}

export type Zone = 'program' | 'utc' | 'mine';

/** The IANA name of a choice; undefined: the browser's own. */
export function zoneName(zone: Zone, programZone: string): string | undefined {
  if (zone === 'utc') return 'UTC';
  return zone === 'program' ? programZone : undefined;
}

/** `2026-12-01`: the day of an instant, so many days before. */
export function dayOf(at: Date, timeZone: string, daysBefore = 0): string {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(at);
  return new Date(Date.parse(day) - daysBefore * 86_400_000).toISOString().slice(0, 10);
}

const momentFormats = new Map<string, Intl.DateTimeFormat>();

/** `1 Dec 2026, 03:04:05` of an ISO 8601 instant. */
export function formatMoment(instant: string, timeZone: string | undefined): string {
  const key = timeZone ?? '';
  const known = momentFormats.get(key);
  const format =
    known ??
    new Intl.DateTimeFormat(undefined, {
      dateStyle: 'medium',
      timeStyle: 'medium',
      hourCycle: 'h23',
      ...(timeZone === undefined ? {} : { timeZone }),
    });
  if (!known) momentFormats.set(key, format);
  return format.format(new Date(instant));
}

/** `120 ms`, `4.1 s`, `3 min`, `2 h`, `5 d`. */
export function formatSpan(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} d`;
}

/** `duplicate_order` as `duplicate order`. */
export function wordsOf(word: string): string {
  return word.replaceAll('_', ' ');
}

/** The first and last characters of an id, which tell it apart at a glance. */
export function shortId(id: string): string {
  const at = id.indexOf('_');
  return at < 0 || id.length < 20 ? id : `${id.slice(0, at + 1)}…${id.slice(-6)}`;
}
