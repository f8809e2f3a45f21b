import { pino, type Logger } from 'pino';
import type { Db } from '../../db/db.ts';
import { systemClock, type Clock } from '../../domain/clock.ts';
import { storeMessages, type Inbox, type InboxMessage } from '../../inbound/inbox/inbox.ts';
import { readOutcomes } from '../../inbound/inbox/read-outcomes.ts';
import { settleToTheEnd } from '../../pipeline/settle-safely.ts';
import type { Config } from '../../process/config.ts';
import { createLogger } from '../../process/logging.ts';
import type { Queues } from '../../queue/queues.ts';
import type { HubAccess } from './access.ts';

/** What operations need, for a command: no hub has to run, and none is told. */
export interface OperationDeps {
  config: Config;
  db: Db;
  clock: Clock;
  log: Logger;
  /** Deliveries and what is to be settled again are rows, which the workers' sweep finds. */
  queues: Pick<Queues, 'enqueue'>;
  /** Settles at once, in this process. */
  inbox: Pick<Inbox, 'appendAndWait'>;
}

export function operationDeps({ config, db }: HubAccess): OperationDeps {
  // Standard output is the result's.
  const log = createLogger({ level: config.logLevel, role: 'cli' }, pino.destination(2));
  const deps = { db, clock: systemClock, log };
  return {
    ...deps,
    config,
    queues: { enqueue: () => Promise.resolve(true) },
    inbox: {
      async appendAndWait(message: InboxMessage) {
        const [id] = await storeMessages(db, [message], systemClock.now());
        if (id === undefined) throw new Error('A decision could not be read');
        await settleToTheEnd(deps, { eventIds: [id], resettlementIds: [] });
        return { id, settled: (await readOutcomes(db, [id])).get(id) ?? null };
      },
    },
  };
}
