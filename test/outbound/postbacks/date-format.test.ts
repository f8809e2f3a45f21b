import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findTokenProblem, formatDate } from '../../../src/outbound/postbacks/date-format.ts';

const morning = new Date('2026-03-01T08:05:09.042Z');
const night = new Date('2026-12-31T23:30:00.000Z');

const cases: [string, Date, string][] = [
  // strftime
  ['%F %T', morning, '2026-03-01 08:05:09'],
  ['%D %R', morning, '03/01/26 08:05'],
  ['%d %B %Y, %I:%M %p,UTC', morning, '01 March 2026, 08:05 AM'],
  ['%e %b %y %l:%M %P', night, '31 Dec 26 11:30 pm'],
  ['%A %a %u %w %j', morning, 'Sunday Sun 7 0 060'],
  ['%r', night, '11:30:00 PM'],
  ['%-d.%-m. %k', morning, '1.3.  8'],
  ['%F %T %z,Asia/Kolkata', morning, '2026-03-01 13:35:09 +0530'],
  ['%s%%', morning, '1772352309%'],
  ['%Y-%m-%dT%H:%M:%SZ', morning, '2026-03-01T08:05:09Z'],
  // PHP
  ['d M Y, h:i A,UTC', night, '31 Dec 2026, 11:30 PM'],
  ['l jS F Y,Asia/Tokyo', night, 'Friday 1st January 2027'],
  ['D, d M Y H:i:s O,UTC', morning, 'Sun, 01 Mar 2026 08:05:09 +0000'],
  ['c,America/New_York', morning, '2026-03-01T03:05:09-05:00'],
  ['r,UTC', morning, 'Sun, 01 Mar 2026 08:05:09 +0000'],
  ['g:i a', new Date('2026-01-01T12:00:00Z'), '12:00 pm'],
  ['g:i a', new Date('2026-01-01T00:00:00Z'), '12:00 am'],
  ['N w z v u', morning, '7 0 59 042 042000'],
  ['e P p,Europe/Berlin', morning, 'Europe/Berlin +01:00 +01:00'],
  ['p', morning, 'Z'],
  ['Y-m-dTH:i:sZ', morning, '2026-03-01T08:05:09Z'],
  ['Y-m-dTH:i:sZ,Europe/Berlin', morning, '2026-03-01T09:05:09+01:00'],
  ['Y-m-d \\a\\t H', morning, '2026-03-01 at 08'],
  // Repeated letters
  ['YYYY-MM-DD HH:mm:ss', morning, '2026-03-01 08:05:09'],
  ['DD MMM YYYY hh:mm A', night, '31 Dec 2026 11:30 PM'],
  ['dddd, MMMM Do, YYYY,UTC', new Date('2026-05-22T00:00:00Z'), 'Friday, May 22nd, 2026'],
  ['D/M/YY H:m:s a', morning, '1/3/26 8:5:9 am'],
  ['YYYY-MM-DD[at]HH', morning, '2026-03-01at08'],
  ['YYYY-MM-DDTHH:mm:ss.SSSZ', morning, '2026-03-01T08:05:09.042Z'],
  ['YYYYMMDD ZZ,Asia/Kolkata', morning, '20260301 +0530'],
  // Unicode
  [`yyyy-MM-dd'T'HH:mm:ss.SSS${'X'.repeat(3)},Europe/Berlin`, morning, '2026-03-01T09:05:09.042+01:00'],
  ['dd MMMM yyyy hh:mm a', night, '31 December 2026 11:30 PM'],
  ['EEE d MMM yy', morning, 'Sun 1 Mar 26'],
];

describe('dates of postbacks', () => {
  for (const [format, date, expected] of cases) {
    test(`${format}: ${expected}`, () => {
      assert.equal(formatDate(date, format), expected);
      assert.equal(findTokenProblem(format), null);
    });
  }

  test('the day has its ending', () => {
    const endings = Array.from({ length: 31 }, (_, day) => formatDate(new Date(Date.UTC(2026, 0, day + 1)), 'jS'));
    assert.equal(
      endings.join(' '),
      '1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th 11th 12th 13th 14th 15th 16th 17th 18th 19th 20th 21st 22nd 23rd ' +
        '24th 25th 26th 27th 28th 29th 30th 31st',
    );
  });

  test('a month in the place of minutes, and minutes in that of a month, are a mistake', () => {
    for (const [format, expected] of [
      ['yyyy-mm-dd', /minutes without hours: the month is MM/],
      ['YYYY-mm-DD', /the month is MM/],
      ['%Y-%M-%d', /the month is %m/],
      ['Y-i-d', /the month is m/],
      ['YYYY-MM-DD HH:MM', /month twice: minutes are mm/],
      ['Y-m-d H:m', /minutes are i/],
      ['%Y-%m-%d %H:%m:%S', /minutes are %M/],
      ['%Y-%', /has '%'/],
    ] as const) {
      assert.match(findTokenProblem(format) ?? '', expected, format);
    }
  });

  test('what was set before unknown letters were refused goes out as it did', () => {
    assert.equal(formatDate(morning, 'Y-m-d Q'), '2026-03-01 Q');
    assert.equal(formatDate(morning, '%Y %Q'), '2026 %Q');
    assert.equal(formatDate(morning, 'YYYY KK'), '2026 KK');
  });
});
