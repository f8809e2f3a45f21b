import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { isOutage } from '../../src/db/outage.ts';
import { createOutageLog, withoutOutages } from '../../src/process/outage-log.ts';

interface Line {
  level: number;
  msg: string;
  problem?: string;
  awayS?: number;
  failures?: number;
}

function openLog() {
  const lines: Line[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as Line) });
  return { log, lines };
}

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' });

test('an outage is one line when it begins, one a minute, and one when it is over', () => {
  const { log, lines } = openLog();
  let at = 0;
  const outage = createOutageLog(log, 'database', () => at);
  outage.succeeded();
  for (; at < 150_000; at += 100) outage.failed(refused);
  assert.equal(outage.since?.getTime(), 0);
  assert.match(outage.lastError ?? '', /ECONNREFUSED/);
  outage.succeeded();
  outage.succeeded();
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    [
      'database is away; a line a minute tells while it is',
      'database is still away',
      'database is still away',
      'database is back',
    ],
  );
  assert.equal(lines[0]?.problem, 'connect ECONNREFUSED 127.0.0.1:1');
  assert.deepEqual([lines[3]?.awayS, lines[3]?.failures], [150, 1_500]);
  assert.deepEqual([outage.since, outage.lastError], [null, null]);
});

test('what fails for an outage is told to its log, not line by line; every other failure stays a line', () => {
  const { log, lines } = openLog();
  const outage = createOutageLog(log, 'database');
  const quiet = withoutOutages(log, isOutage, (error) => outage.failed(error));
  for (let n = 0; n < 20; n += 1) quiet.warn({ err: new Error('store', { cause: refused }) }, 'not stored');
  quiet.error({ err: new AggregateError([refused]) }, 'sweep failed');
  quiet.error({ err: new Error('a bug') }, 'settling failed');
  quiet.warn('plain');
  quiet.info({ err: refused }, 'said on purpose');
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['database is away; a line a minute tells while it is', 'settling failed', 'plain', 'said on purpose'],
  );
});
