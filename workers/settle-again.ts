import type { Deps } from '../src/deps.ts';
import { requestNextOfRound, requestOrdersOfBans } from '../src/pipeline/work-items/settle-again.ts';
import type { HandOver } from './hand-over.ts';
import type { Chore } from './sweep.ts';

const ORDERS_PER_STEP = 200;
const BANS_PER_STEP = 50;

/** After a migration that asks for it all orders are settled again, in steps; and those that a ban came too late for. */
export function settleAgainChores({ db }: Pick<Deps, 'db'>, handOver: HandOver): Chore[] {
  const chore = (name: string, everyMs: number, perStep: number, request: typeof requestNextOfRound): Chore => ({
    name,
    everyMs,
    async run() {
      const resettlementIds = await request(db, perStep);
      if (resettlementIds.length > 0) await handOver([{ eventIds: [], resettlementIds }]);
      return resettlementIds.length >= perStep;
    },
  });
  return [
    chore('orders of older rules', 5_000, ORDERS_PER_STEP, requestNextOfRound),
    chore('orders of bans', 30_000, BANS_PER_STEP, requestOrdersOfBans),
  ];
}
