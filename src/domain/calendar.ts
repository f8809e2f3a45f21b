/** Calendar days ('2026-01-31') in a program's own time zone: caps and durations are counted by them, not by hours. */

/** The calendar day of an instant (ISO 8601 UTC) in an IANA time zone. */
export function localDay(instant: string, timezone: string): string {
  if (timezone === 'UTC') return instant.slice(0, 10);
  // en-CA writes dates as YYYY-MM-DD.
  return formatterOf(timezone).format(new Date(instant));
}

/** Calendar months later, clamped to the month's last day: Jan 31 + 1 month is the last day of February. */
export function addMonths(day: string, months: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const index = year * 12 + (month - 1) + months;
  const targetYear = Math.floor(index / 12);
  const targetMonth = index % 12;
  const targetDate = Math.min(date, daysInMonth(targetYear, targetMonth));
  return [String(targetYear).padStart(4, '0'), twoDigits(targetMonth + 1), twoDigits(targetDate)].join('-');
}

/** `month` from 0. */
function daysInMonth(year: number, month: number): number {
  if (month !== 1) return [3, 5, 8, 10].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** The instant (ISO 8601 UTC) that many times 24 hours later. */
export function addDays(instant: string, days: number): string {
  // Whole days leave the time of day as it is, and many instants of one day come one after another.
  const plain = instant.length === INSTANT_LENGTH && instant.endsWith('Z');
  if (plain && days === lastAdded.days && instant.startsWith(lastAdded.day)) {
    return lastAdded.later + instant.slice(DAY_LENGTH);
  }
  const later = new Date(Date.parse(instant) + days * 86_400_000).toISOString();
  if (plain && later.length === INSTANT_LENGTH) {
    lastAdded = { day: instant.slice(0, DAY_LENGTH), days, later: later.slice(0, DAY_LENGTH) };
  }
  return later;
}

const INSTANT_LENGTH = '2026-01-31T00:00:00.000Z'.length;
const DAY_LENGTH = '2026-01-31'.length;
let lastAdded = { day: '', days: Number.NaN, later: '' };

/** Whether the runtime knows the IANA time zone. */
export function isTimezone(name: string): boolean {
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

function formatterOf(timezone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timezone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-CA', {
      timeZone: timezone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    });
    formatters.set(timezone, formatter);
  }
  return formatter;
}

// Making a formatter costs a hundred times what using one does.
const formatters = new Map<string, Intl.DateTimeFormat>();
