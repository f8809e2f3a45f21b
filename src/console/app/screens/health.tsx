import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { base } from '../base.ts';
import { AwayError } from '../call.ts';
import { formatCount, formatSpan } from '../formats.ts';
import { Failure } from '../parts/failure.tsx';
import { Copy, Pairs, State } from '../parts/values.tsx';
import type { Readiness, System } from '../types.ts';

/** It is asked anew so often. */
const EVERY_MS = 5_000;

const bytes = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/** Whether the hub is well: of all programs together, for its owner. */
export default function Health(): ReactNode {
  const system = useOne<System>('/system', { everyMs: EVERY_MS });
  return (
    <div className="reading">
      <h1>Health</h1>
      {system.error && <Failure error={system.error} again={() => void system.refetch()} />}
      {system.data ? <Whole system={system.data} /> : !system.error && <p className="quiet">Loading …</p>}
      <Checks />
    </div>
  );
}

/** All of it as text, for whoever is asked for help. */
function CopyReport({ system }: { system: System }): ReactNode {
  return (
    <p className="actions">
      <Copy text={JSON.stringify(system, null, 2)} label="Copy as JSON, for a report">
        Copy as JSON
      </Copy>
    </p>
  );
}

function Whole({ system }: { system: System }): ReactNode {
  const { version, status, migrations, settling, deliveries, database, processes } = system;
  return (
    <>
      <Pairs
        of={[
          ['State', <State key="state" is={status} />],
          ['Version', version],
          ['Migrations', `${migrations.applied}, the last is ${migrations.last ?? 'none'}`],
          ...(migrations.problem === null
            ? []
            : [['Schema', <Problem key="schema" words={migrations.problem} />] as const]),
          ['Waiting to be settled', formatCount(settling.waiting)],
          ['The oldest waits', settling.oldestSeconds === 0 ? 'none' : formatSpan(settling.oldestSeconds * 1_000)],
          ['Workers', settling.workers === null ? 'not known behind a pooler' : formatCount(settling.workers)],
          [
            'Deliveries are late by',
            deliveries.oldestDueSeconds === 0 ? 'nothing' : formatSpan(deliveries.oldestDueSeconds * 1_000),
          ],
          ['Endpoints left alone', formatCount(deliveries.pausedEndpoints)],
          ['Database', `PostgreSQL ${database.serverVersion}, ${sizeOf(database.sizeBytes)}`],
        ]}
      />
      <CopyReport system={system} />
      <h2>Processes</h2>
      {processes.length === 0 ? (
        <p className="quiet">The database sees none by its name.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" className="number">
                Connections
              </th>
            </tr>
          </thead>
          <tbody>
            {processes.map(({ name, connections }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="number">{formatCount(connections)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Problem({ words }: { words: string }): ReactNode {
  return (
    <span className="bad">
      <span aria-hidden="true">✕ </span>
      {words}
    </span>
  );
}

/** `3.4 GB`: in thousands, as disks are sold. */
function sizeOf(size: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const at = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${bytes.format(size / 1_000 ** at)} ${units[at]}`;
}

/** What this process says to whoever asks it whether it is ready, check by check. */
function Checks(): ReactNode {
  const ready = useQuery({ queryKey: ['readyz'], queryFn: readReadiness, refetchInterval: EVERY_MS });
  return (
    <>
      <h2>Checks of this process</h2>
      {ready.error && <Failure error={ready.error} again={() => void ready.refetch()} />}
      {ready.data && (
        <table>
          <thead>
            <tr>
              <th scope="col">Check</th>
              <th scope="col">State</th>
              <th scope="col">What is wrong</th>
            </tr>
          </thead>
          <tbody>
            {Object.entries(ready.data.checks).map(([name, { ok, error }]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <State is={ok ? 'ok' : 'failed'} />
                </td>
                <td>{error ?? '—'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** It stands beside the console, not in the API, and says 503 with the same body where something is wrong. */
async function readReadiness({ signal }: { signal: AbortSignal }): Promise<Readiness> {
  const answer = await fetch(`${base}/../readyz`, { signal }).catch(() => {
    throw new AwayError('The hub cannot be reached.');
  });
  const type = answer.headers.get('content-type') ?? '';
  if (!type.includes('json')) throw new AwayError(`/readyz does not lead to the hub here: ${answer.status}.`);
  return (await answer.json()) as Readiness;
}
