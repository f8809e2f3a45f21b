import { setTimeout as wait } from 'node:timers/promises';
import { waitUntil } from '../support/wait-until.ts';
import type { Fault } from './faults.ts';

/** What happens to PostgreSQL. After each failover a new standby is made of the new primary. */
export const databaseFaults: Fault[] = [
  {
    name: 'kill-postgres',
    seconds: [1, 3],
    async begin({ postgres }) {
      await postgres.primary.kill();
      return () => postgres.primary.start();
    },
  },
  {
    name: 'stop-postgres',
    seconds: [6, 9],
    noticed: 'by all',
    async begin({ postgres }) {
      await postgres.primary.freeze();
      return () => postgres.primary.thaw();
    },
  },
  {
    // The primary dies; whoever watches over the pair needs a moment to be sure, and promotes the standby.
    name: 'failover-postgres',
    seconds: [2, 3],
    async begin({ postgres }) {
      await postgres.primary.kill();
      return () => postgres.promote();
    },
    repair: ({ postgres }) => postgres.rebuild(),
  },
  {
    // The old primary lives on and takes no writes any more; connections that are open stay there.
    name: 'switchover-postgres',
    seconds: [0, 0],
    async begin({ postgres }) {
      const { primary, standby } = postgres;
      await primary.ask('alter system set default_transaction_read_only = on');
      await primary.ask('select pg_reload_conf()::text');
      // What had begun to write may commit still, while the standby follows.
      await wait(1_000);
      const written = await primary.ask('select pg_current_wal_lsn()::text');
      for (const deadline = Date.now() + 10_000; Date.now() < deadline; await wait(50)) {
        if ((await standby.ask(`select (pg_last_wal_replay_lsn() >= '${written}'::pg_lsn)::text`)) === 'true') break;
      }
      await postgres.promote();
      return async () => undefined;
    },
    repair: ({ postgres }) => postgres.rebuild(),
  },
  {
    // The host vanishes: connections that are open stay silent for good. Then the standby takes over its address.
    name: 'lose-postgres-host',
    seconds: [3, 5],
    async begin({ postgres }) {
      const { primary, proxy } = postgres;
      proxy.freeze();
      return async () => {
        proxy.forsake();
        await primary.kill();
        await postgres.promote();
        proxy.thaw();
      };
    },
    repair: ({ postgres }) => postgres.rebuild(),
  },
  {
    name: 'silent-postgres',
    seconds: [7, 10],
    noticed: 'by all',
    async begin({ postgres: { proxy } }) {
      proxy.freeze();
      return async () => proxy.thaw();
    },
  },
  {
    name: 'half-open-postgres',
    seconds: [0, 0],
    async begin({ postgres: { proxy } }) {
      proxy.forsake();
      return async () => undefined;
    },
  },
  {
    name: 'refuse-postgres',
    seconds: [7, 10],
    noticed: 'by all',
    async begin({ postgres: { proxy } }) {
      proxy.refuse(true);
      proxy.reset();
      return async () => proxy.refuse(false);
    },
  },
  {
    name: 'delay-postgres',
    seconds: [5, 8],
    async begin({ postgres: { proxy }, random }) {
      proxy.delay(random.between(50, 400));
      return async () => proxy.delay(0);
    },
  },
  {
    name: 'reset-postgres',
    seconds: [0, 1],
    async begin({ postgres: { proxy } }) {
      proxy.reset();
      return async () => proxy.reset();
    },
  },
  {
    // Of every other one the server has taken the commit, and nobody is told.
    name: 'cut-commits',
    seconds: [3, 6],
    async begin({ postgres: { proxy }, random }) {
      proxy.cutCommits(random.between(10, 40));
      return async () => proxy.cutCommits(0);
    },
  },
  {
    name: 'full-disk',
    seconds: [7, 10],
    // Workers have nothing to write while nothing is stored.
    noticed: 'by webs',
    missing: ({ postgres }) => (postgres.primary.disk ? null : 'a tmpfs cannot be mounted here'),
    async begin({ postgres: { primary } }) {
      await primary.disk?.fill();
      return async () => {
        primary.disk?.free();
        // Without space for its log the server ends, and cannot start.
        await waitUntil('the server is back', async () => {
          if (!(await primary.alive())) await primary.start();
          return primary.ask('select 1');
        });
      };
    },
  },
];
