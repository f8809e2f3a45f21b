import type { ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { kindOf } from '../endpoint-state.ts';
import { formatCount, formatMoment, formatSpan } from '../formats.ts';
import { Failure } from '../parts/failure.tsx';
import { Sparkline } from '../parts/sparkline.tsx';
import { Id, Moment, Pairs } from '../parts/values.tsx';
import type { EndpointHealth } from '../types.ts';
import { useZone } from '../zone.tsx';
import type { PartProps } from './webhook-part.ts';
import { SendTest } from './webhook-test.tsx';

const EVERY_MS = 10_000;

/** How the endpoint does. */
export function WebhookOverview({ endpoint, mayWrite }: PartProps): ReactNode {
  const health = useOne<EndpointHealth>(`/webhook-endpoints/${endpoint.id}/health`, { everyMs: EVERY_MS });
  return (
    <div className="endpoint-part reading">
      {mayWrite && endpoint.kind !== 'postback' && <SendTest endpoint={endpoint} />}
      {health.error && <Failure error={health.error} again={() => void health.refetch()} />}
      {health.isPending && <p className="quiet">Loading …</p>}
      {health.data && <Health health={health.data} />}
      <h2>What it is</h2>
      <Pairs
        of={[
          ['Id', <Id key="id" id={endpoint.id} whole />],
          ['Kind', kindOf(endpoint)],
          ['Description', <bdi key="description">{endpoint.description ?? '—'}</bdi>],
          ['Event types', endpoint.eventTypes.length === 0 ? 'all' : endpoint.eventTypes.join(', ')],
          ['Headers of its own', Object.keys(endpoint.headers).join(', ') || '—'],
          ['At most a second', endpoint.rateLimitPerSecond ?? 'as fast as it answers'],
          ['Created', <Moment key="created" at={endpoint.createdAt} />],
        ]}
      />
    </div>
  );
}

function Health({ health }: { health: EndpointHealth }): ReactNode {
  const { succeeded, failed, successRate, p95DurationMs, pending, oldestPendingAt, failures, series } = health;
  const zone = useZone();
  return (
    <>
      <h2>24 hours</h2>
      <Sparkline bars={series} size="large" />
      <Pairs
        of={[
          ['Attempts', formatCount(succeeded + failed)],
          ['Succeeded', successRate === null ? '—' : `${formatCount(succeeded)} (${percent.format(successRate)})`],
          ['Failed', formatCount(failed)],
          ['95 of 100 answer within', p95DurationMs === null ? '—' : formatSpan(p95DurationMs)],
          ['Failures in a row', formatCount(failures)],
          ['Waiting', formatCount(pending)],
          ['Oldest waits since', <Moment key="oldest" at={oldestPendingAt} />],
        ]}
      />
      <details>
        <summary>Hour by hour</summary>
        <table>
          <caption className="hidden">Attempts of 24 hours</caption>
          <thead>
            <tr>
              <th scope="col">Hour</th>
              <th scope="col" className="number">
                Succeeded
              </th>
              <th scope="col" className="number">
                Failed
              </th>
              <th scope="col" className="number">
                p95
              </th>
            </tr>
          </thead>
          <tbody>
            {series.map(({ hour, succeeded: good, failed: bad, p95DurationMs: p95 }) => (
              <tr key={hour}>
                <th scope="row">{formatMoment(hour, zone)}</th>
                <td className="number">{formatCount(good)}</td>
                <td className="number">{formatCount(bad)}</td>
                <td className="number">{p95 === null ? '—' : formatSpan(p95)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}

const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });
