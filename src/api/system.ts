import { z } from 'zod';
import packageFile from '../../package.json' with { type: 'json' };
import { explainSchema, listKnownMigrations, migrationName } from '../db/schema-state.ts';
import { countUnsettled, readDeliveryBacklog, readOldestUnsettled } from '../statistics/backlog.ts';
import { listAppliedMigrations, readDatabaseFacts } from '../statistics/system.ts';
import { one } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const systemSchema = z
  .strictObject({
    version: z.string().meta({ description: 'Of this process', example: packageFile.version }),
    status: z
      .enum(['ok', 'degraded', 'unavailable'])
      .meta({ description: 'As /readyz of this process says, which tells check by check what is not in order' }),
    migrations: z
      .strictObject({
        applied: z.int().meta({ description: 'How many' }),
        last: z.string().nullable().meta({ description: 'The newest of them', example: '021_configuration_versions' }),
        problem: z.string().nullable().meta({
          description: 'What the schema lacks for this version, or has beyond it, and what to do; null: nothing',
        }),
      })
      .meta({ description: 'Of the database' }),
    settling: z
      .strictObject({
        waiting: z.int().meta({ description: 'Messages that were accepted and are not settled' }),
        oldestSeconds: z.number().meta({ description: 'For how long the oldest of them waits; 0: none does' }),
        workers: z.int().nullable().meta({
          description: 'That are connected to the database; null behind a transaction pooler, where it is not known',
        }),
      })
      .meta({ description: 'What came in' }),
    deliveries: z
      .strictObject({
        oldestDueSeconds: z
          .number()
          .meta({ description: 'For how long the oldest delivery that nothing holds up has been due; 0: none is' }),
        pausedEndpoints: z.int().meta({ description: 'Endpoints that deliveries wait for, and that are left alone' }),
      })
      .meta({ description: 'What goes out' }),
    database: z
      .strictObject({
        serverVersion: z.string().meta({ description: 'Of PostgreSQL', example: '18.4' }),
        sizeBytes: z.int().meta({ description: 'On disk' }),
      })
      .meta({ description: 'Where everything is' }),
    processes: z
      .array(
        z.strictObject({
          name: z.string().meta({ description: 'What they do: web, worker, …', example: 'worker' }),
          connections: z.int().meta({ description: 'Of all processes of this name together' }),
        }),
      )
      .meta({ description: 'Whose connections the database sees; without a pooler between, all processes of the hub' }),
  })
  .meta({ id: 'System' });
export type SystemView = z.output<typeof systemSchema>;

export const systemRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/system',
    access: 'admin',
    tag: 'System',
    summary: 'How the whole hub does',
    description: 'Of all programs together. /readyz and /metrics tell the same to machines.',
    status: 200,
    answer: one(systemSchema),
    handle: async ({ db, clock, readiness }) => {
      const now = clock.now();
      const [report, applied, facts, waiting, oldestSeconds, backlog, known] = await Promise.all([
        readiness.read(),
        listAppliedMigrations(db),
        readDatabaseFacts(db),
        countUnsettled(db),
        readOldestUnsettled(db, now),
        readDeliveryBacklog(db, now),
        listKnownMigrations(),
      ]);
      const names = applied.map(migrationName);
      const data: z.input<typeof systemSchema> = {
        version: packageFile.version,
        status: report.status,
        migrations: { applied: names.length, last: names.at(-1) ?? null, problem: explainSchema(known, names) },
        settling: { waiting, oldestSeconds, workers: report.checks.settling.workers },
        deliveries: { oldestDueSeconds: backlog.oldestDueS, pausedEndpoints: backlog.pausedEndpoints },
        database: { serverVersion: facts.serverVersion, sizeBytes: facts.sizeBytes },
        processes: facts.connections,
      };
      return { data };
    },
  }),
];
