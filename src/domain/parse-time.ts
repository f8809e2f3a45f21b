/** ISO 8601 with an offset, or Unix seconds or milliseconds; null where the text is neither. */
export function parseTime(text: string): Date | null {
  if (/^\d{1,14}(?:\.\d+)?$/.test(text)) {
    // As seconds 1e11 is the year 5138, as milliseconds 1973: what is larger are milliseconds.
    const number = Number(text);
    return toDate(Math.floor(number < 1e11 ? number * 1000 : number));
  }
  // A plus that was not encoded in a query string arrives as a space.
  const match = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|z|(?:[-+ ]?)\d\d:?\d\d)$/.exec(
    text,
  );
  if (!match) return null;
  const [, day = '', hours = '', minutes = '', seconds = '00', fraction = '0', offset = ''] = match;
  const local = `${day}T${hours}:${minutes}:${seconds}`;
  const utc = new Date(`${local}.${fraction.slice(0, 3).padEnd(3, '0')}Z`);
  // 30 February and 24:00 roll over instead of failing.
  if (Number.isNaN(utc.getTime()) || !utc.toISOString().startsWith(local)) return null;
  const offsetMinutes = readOffset(offset);
  return offsetMinutes === null ? null : toDate(utc.getTime() - offsetMinutes * 60_000);
}

function readOffset(offset: string): number | null {
  if (offset === 'Z' || offset === 'z') return 0;
  const digits = offset.replaceAll(/\D/g, '');
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2));
  if (hours > 23 || minutes > 59) return null;
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

function toDate(milliseconds: number): Date | null {
  const date = new Date(milliseconds);
  // Four-digit years only, as every reader of ISO 8601 expects them.
  return date.getTime() > 0 && date.getUTCFullYear() <= 9999 ? date : null;
}
