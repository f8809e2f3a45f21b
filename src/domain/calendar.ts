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
  const lastDate = new Date(Date.UTC(targetYear, targetMonth + 1, 0)).getUTCDate();
  return new Date(Date.UTC(targetYear, targetMonth, Math.min(date, lastDate))).toISOString().slice(0, 10);
}

/** The instant (ISO 8601 UTC) that many times 24 hours later. */
export function addDays(instant: string, days: number): string {
  return new Date(Date.parse(instant) + days * 86_400_000).toISOString();
}

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
