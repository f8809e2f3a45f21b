/** A moment on the clock and the calendar of a time zone, as texts: two digits a field unless said. */
export interface Moment {
  timeZone: string;
  /** Four digits. */
  year: string;
  month: string;
  /** In English. */
  monthName: string;
  day: string;
  /** 001 to 366. */
  dayOfYear: string;
  /** In English. */
  weekdayName: string;
  /** 1 (Monday) to 7. */
  weekday: string;
  /** 00 to 23. */
  hour: string;
  minute: string;
  second: string;
  /** Three digits. */
  millisecond: string;
  /** `+01:00` */
  offset: string;
  /** Seconds since 1970. */
  unix: string;
}

const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

export function readMoment(date: Date, timeZone: string): Moment {
  const read = readParts(date, timeZone);
  const [year, month, day] = [read('year').padStart(4, '0'), read('month'), read('day')];
  const [hour, minute, second] = [read('hour'), read('minute'), read('second')];
  const weekdayName = read('weekday');
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day));
  return {
    timeZone,
    year,
    month,
    monthName: months[Number(month) - 1] ?? '',
    day,
    dayOfYear: String((midnight - Date.UTC(Number(year), 0, 1)) / 86_400_000 + 1).padStart(3, '0'),
    weekdayName,
    weekday: String(weekdays.indexOf(weekdayName) + 1),
    hour,
    minute,
    second,
    millisecond: String(date.getUTCMilliseconds()).padStart(3, '0'),
    // 'GMT+01:00', and 'GMT' alone for none.
    offset: read('timeZoneName').slice('GMT'.length) || '+00:00',
    unix: String(Math.floor(date.getTime() / 1000)),
  };
}

function readParts(date: Date, timeZone: string): (type: Intl.DateTimeFormatPartTypes) => string {
  const parts = formatterOf(timeZone).formatToParts(date);
  return (type) => parts.find((part) => part.type === type)?.value ?? '';
}

/** To make one takes longer than to use it many times; there are some hundred zones. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  const formatter = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    weekday: 'long',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  });
  formatters.set(timeZone, formatter);
  return formatter;
}
