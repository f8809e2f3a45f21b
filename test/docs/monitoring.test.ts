import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import type { Environment } from '../../src/process/config.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { compareText } from '../../src/domain/orderings.ts';
import { createMetrics } from '../../src/process/metrics.ts';
import { findProgram } from '../support/apt.ts';
import { startProcess, type TestProcess } from '../support/child-process.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { readExpression } from './promql.ts';

const alertsFile = 'src/docs/monitoring/alerts.yml';
const dashboardFile = 'src/docs/monitoring/dashboard.json';

interface Alert {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string };
}

/** What prom-client gives of a metric beside its type. */
interface Declared {
  name: string;
  labelNames: string[];
}

interface Panel {
  type: string;
  title: string;
  targets?: { expr: string }[];
}

const { groups } = parse(await readFile(alertsFile, 'utf8')) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules);
const { panels } = JSON.parse(await readFile(dashboardFile, 'utf8')) as { panels: Panel[] };
const charts = panels.filter(({ type }) => type !== 'row');

/** The name of each metric that processes serve, with the labels that it has there, as far as it has values. */
type Served = Map<string, Set<string>>;

let database: TestDatabase;
let processes: TestProcess[] = [];
let served: Record<'web' | 'worker', Served>;

before(async () => {
  database = await openTestDatabase();
  const [port, metricsPort, workerPort] = await Promise.all([findFreePort(), findFreePort(), findFreePort()]);
  const env: Environment = {
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    WORKER_PORT: String(workerPort),
    DATABASE_URL: database.url,
    ADMIN_TOKEN: 'admin-token-of-the-tests',
    ENCRYPTION_KEY: '0123456789abcdef'.repeat(4),
  };
  processes = [startProcess(['src/server.ts'], env), startProcess(['workers/main.ts'], env)];
  await Promise.all([processes[0]?.waitFor(/web listens/), processes[1]?.waitFor(/worker runs/)]);
  const [web, worker] = await Promise.all([scrape(metricsPort), scrape(workerPort)]);
  served = { web, worker };
});

after(async () => {
  for (const each of processes) each.kill('SIGTERM');
  await Promise.all(processes.map(({ exited }) => exited));
  await database.close();
});

async function scrape(port: number): Promise<Served> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const found: Served = new Map();
  for (const line of text.split('\n')) {
    const [, declared = ''] = /^# TYPE (\S+) \w+$/.exec(line) ?? [];
    if (declared !== '') found.set(declared, new Set());
    const [, name = '', labels = ''] = /^([a-z]\w*)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === '') continue;
    const known = found.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  for (const name of [...found.keys()].filter((each) => text.includes(`# TYPE ${each} histogram`))) {
    for (const suffix of ['_bucket', '_sum', '_count']) found.set(name + suffix, found.get(name + suffix) ?? new Set());
  }
  return found;
}

test('promtool takes the alert rules, and they fire when they should', async () => {
  const promtool = await findProgram(['promtool'], {
    package: 'prometheus',
    message: 'The tests need promtool: install Prometheus (Debian: apt-get install prometheus).',
  });
  for (const args of [
    ['check', 'rules', alertsFile],
    ['test', 'rules', 'test/docs/alerts.test.yml'],
  ]) {
    const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  }
});

test('each alert says how bad it is and what to do next', () => {
  assert.ok(alerts.length >= 10);
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels.severity, /^(critical|warning)$/, alert);
    assert.match(annotations.summary, /\b(Look|List|Start|Restart|Compare|enter)\b|start another|revoked/, alert);
  }
});

describe('web and worker serve', () => {
  test('every metric that an alert or a chart names, from both', () => {
    const expressions = [
      ...alerts.map(({ alert, expr }) => [alert, expr] as const),
      ...charts.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
    ];
    assert.ok(expressions.length > 40);
    for (const [where, expression] of expressions) {
      // Grafana puts a duration there.
      const { metrics } = readExpression(expression.replaceAll('$__rate_interval', '5m'));
      assert.ok(metrics.length > 0, where);
      for (const { name } of metrics) {
        assert.ok(served.web.has(name), `${where}: web serves no ${name}`);
        assert.ok(served.worker.has(name), `${where}: the worker serves no ${name}`);
      }
    }
  });

  test('each metric of the hub, in at least one chart or alert', () => {
    const text = JSON.stringify([alerts, charts]);
    const names = [...served.web.keys()].filter(
      (name) => name.startsWith('tributary_') && !/_(bucket|sum|count)$/.test(name),
    );
    assert.ok(names.length > 18);
    assert.deepEqual(
      names.filter((name) => !text.includes(name)),
      [],
    );
  });

  test('the lag of the event loop, the memory, and what they are', () => {
    for (const each of Object.values(served)) {
      for (const name of [
        'nodejs_eventloop_lag_p99_seconds',
        'process_resident_memory_bytes',
        'process_cpu_seconds_total',
      ]) {
        assert.ok(each.has(name), name);
      }
      assert.deepEqual([...(each.get('tributary_build_info') ?? [])].toSorted(compareText), [
        'node',
        'queue',
        'version',
      ]);
    }
  });
});

test('a chart has a title, a unit, and the data source that is chosen', () => {
  for (const panel of charts) {
    assert.ok(panel.title.length > 0);
    assert.match(JSON.stringify(panel), /"datasource":\{"type":"prometheus","uid":"\$\{datasource\}"\}/);
    assert.match(JSON.stringify(panel), /"unit":"\w+"/);
  }
  assert.equal(new Set(charts.map(({ title }) => title)).size, charts.length);
});

test('the guide has each metric of the hub with its labels, and no other', async () => {
  const guide = await readFile('src/docs/monitoring.md', 'utf8');
  const told = [...guide.matchAll(/^\| `(tributary_\w+)` \| ([^|]*)\|/gm)].map(([, name = '', labels = '']) =>
    nameWith(
      name,
      [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
    ),
  );
  const declared = createMetrics().registry.getMetricsAsArray() as unknown as Declared[];
  assert.deepEqual(new Set(told), new Set(declared.map(({ name, labelNames }) => nameWith(name, labelNames))));
  assert.equal(new Set(told).size, told.length);
});

function nameWith(name: string, labels: readonly string[]): string {
  return `${name}{${[...labels].sort(compareText).join(',')}}`;
}

test('charts and alerts choose and group by labels that the metrics have', async () => {
  const declared = createMetrics().registry.getMetricsAsArray() as unknown as Declared[];
  const labelsOf = new Map(declared.map((metric) => [metric.name, new Set(metric.labelNames)]));
  for (const expression of [
    ...alerts.map(({ expr }) => expr),
    ...charts.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ]) {
    const { metrics, grouping } = readExpression(expression.replaceAll('$__rate_interval', '5m'));
    const ours = metrics.filter(({ name }) => name.startsWith('tributary_'));
    const all = new Set(['instance', 'job', 'le', 'alertname']);
    for (const { name, labels } of ours) {
      const known = labelsOf.get(name) ?? labelsOf.get(name.replace(/_(bucket|sum|count)$/, '')) ?? new Set();
      for (const label of labels) assert.ok(known.has(label), `${name} has no ${label}: ${expression}`);
      for (const label of known) all.add(label);
    }
    for (const label of grouping) assert.ok(all.has(label), `nothing has ${label}: ${expression}`);
  }
});
