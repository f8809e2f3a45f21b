import type { Db } from '../../src/db/db.ts';
import { inTransaction } from '../../src/db/db.ts';
import type { Fact } from '../../src/domain/facts.ts';
import { findConversionByReference, readConversionDetail, readHalves } from '../../src/ledger/conversions.ts';
import { createPayout, finishPayout } from '../../src/ledger/payouts.ts';
import { normalizeDecision, type Decision } from '../../src/operations/decision-fact.ts';
import { findObjection, objectToAssigning } from '../../src/pipeline/rules/decisions.ts';
import { requestResettlements } from '../../src/pipeline/rows/resettlement-rows.ts';
import { currencies } from '../pipeline/rules/arbitrary-facts.ts';
import type { PersonsDecision } from './arbitrary-decisions.ts';

/**
 * What people decide in one break, as facts: each as it is admitted by what they see then, before any of the others is
 * settled. Ids tell the break and the place in it, the same in every life of a history.
 */
export async function decide(
  db: Db,
  programId: string,
  mark: string,
  decisions: readonly PersonsDecision[],
  at: { number: number; decidedAt: Date },
): Promise<Fact[]> {
  const facts: Fact[] = [];
  for (const [index, decision] of decisions.entries()) {
    const reference = decision.order.replaceAll('_@_', `_${mark}_`);
    const conversion = await findConversionByReference(db, programId, true, [reference]);
    if (!conversion) continue;
    const { facts: known } = await readConversionDetail(db, conversion.id);
    const halves = await readHalves(db, conversion.id);
    const wanted = toDecision(decision, mark);
    const objection =
      'status' in wanted ? findObjection(conversion, wanted.status, known) : objectToAssigning(conversion);
    if (objection !== null) continue;
    const openGrounds = conversion.review?.grounds ?? [];
    const normalized = normalizeDecision({ halves, livemode: true, openGrounds }, wanted, at.decidedAt);
    if (normalized.kind !== 'facts') continue;
    const id = `decision:${at.number}:${index}`;
    facts.push(...normalized.facts.map((fact, half) => ({ ...fact, id: `${id}:${half}` })));
  }
  return facts;
}

function toDecision(decision: PersonsDecision, mark: string): Decision {
  return 'status' in decision
    ? { status: decision.status, reason: null, by: 'key_1' }
    : { affiliateId: `aff_${mark}_${decision.affiliate}`, by: 'key_1' };
}

/** Pays all that is payable: what was paid is a decision that later facts find. `settle` settles again what that asks for. */
export async function payOut(
  db: Db,
  programId: string,
  mark: string,
  now: Date,
  settle: (resettlementIds: string[]) => Promise<void>,
): Promise<void> {
  for (const name of ['a', 'b']) {
    for (const currency of currencies) {
      const input = { affiliateId: `aff_${mark}_${name}`, currency, createdBy: 'key_1' };
      const requests = await inTransaction(db, async (trx) => {
        const payout = await createPayout(trx, programId, input, now);
        if (!payout) return [];
        const { orderIds = [] } = (await finishPayout(trx, programId, payout.id, 'paid', now)) ?? {};
        const scope = { programId, livemode: true };
        return requestResettlements(
          trx,
          orderIds.map((orderId) => ({ scope, customerId: null, orderId })),
        );
      });
      await settle(requests);
    }
  }
}
