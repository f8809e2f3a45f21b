import type { z } from 'zod';
import type { Db } from '../../db/db.ts';
import { AppError } from '../../domain/errors.ts';
import type { Normalized } from '../../domain/facts.ts';
import { orderRefs } from '../../inbound/fields/references.ts';
import { normalizeRefundRequest } from '../../inbound/conversion/normalize.ts';
import type { ReadOutcome } from '../../inbound/inbox/read-outcomes.ts';
import { auditRefund } from '../../operations/refund-audit.ts';
import {
  findConversionByReference,
  listReferences,
  readConversionDetail,
  type Conversion,
} from '../../ledger/conversions.ts';
import { answer, defineDialectRoute } from '../dialect.ts';
import { submitRequest } from '../submit.ts';
import { toMajorNumber } from '../values.ts';
import type { refundAnswer } from './answers.ts';
import { readBody } from './errors.ts';
import { trackLimits } from './limits.ts';
import { saleNumberOf } from './sale-numbers.ts';
import { refundBody, trackingBody } from './schemas.ts';
import { describeTest, isTestMode } from './test-mode.ts';

/**
 * `POST /track/refund`: takes a sale back, all of it or a part. A refund has no id here, so its amount stands for it: the
 * same amount of the same sale is the same refund. https://docs.affitor.com/api-reference/track-refund, read 2026-11.
 */
export const refundRoute = defineDialectRoute({
  method: 'post',
  path: ['/api/v1/track/refund', '/api/tracking/refund'],
  auth: 'key',
  access: 'write',
  scope: 'refunds:write',
  mayHoldKeys: true,
  limits: trackLimits,
  body: trackingBody,
  handle: async (deps, request) => {
    const { programId } = request.principal;
    const body = readBody(refundBody, request.body);
    const livemode = request.livemode && !isTestMode(body);
    const refs = orderRefs(body.transaction_id, null);
    const before = await findConversionByReference(deps.db, programId, livemode, refs);
    if (!before || before.kind === 'lead') throw new AppError('NOT_FOUND', 'Sale not found for transaction_id');
    const amountMinor = body.refund_amount_cents || undefined;
    const references = (await listReferences(deps.db, [before.id])).get(before.id) ?? [];
    const normalized = normalizeRefundRequest(
      { ...before, references },
      { amountMinor, refundId: `affitor:${amountMinor ?? 'full'}` },
      { receivedAt: request.receivedAt },
    );
    const number = await saleNumberOf(deps.db, programId, before.id);
    const { id, settled } = await submitRequest(deps, request, {
      programId,
      kind: 'refund',
      normalized,
      ...((await isNew(deps.db, before, normalized))
        ? { audited: { actor: request.actor, changes: auditRefund(before, normalized) } }
        : {}),
    });
    const told = isTestMode(body) ? await describeTest(deps.db, 'refund', programId, id) : {};
    const refund = describeRefund(before, settled);
    const commission_id = refund.status === 'no_commission' ? null : number;
    return answer(200, { success: true, ...refund, sale_id: number, commission_id, ...told });
  },
});

/** The same refund again changes nothing. */
async function isNew(db: Db, { id }: Conversion, normalized: Normalized): Promise<boolean> {
  const [said] = normalized.kind === 'facts' ? normalized.facts : [];
  const { facts } = await readConversionDetail(db, id);
  return !facts.some((fact) => fact.id === said?.id);
}

interface Refund {
  status: z.output<typeof refundAnswer>['status'];
  deductionAmount?: number;
  reason?: string;
  message: string;
}

/** What became of a refund; the answer has the numbers of the sale and its commission beside it. */
function describeRefund(before: Conversion, settled: ReadOutcome | null): Refund {
  if (before.affiliateId === null || before.status === 'not_tracked') {
    return { status: 'no_commission', message: 'Sale has no commission to reverse' };
  }
  const after = settled?.conversion;
  if (!after) return { status: 'processing', message: 'Refund accepted' };
  const isWhole = after.status === 'reversed' || (after.grossMinor > 0n && after.refundedMinor >= after.grossMinor);
  if (before.status === 'rejected') return skip('already rejected');
  if (settled.outcome === 'duplicate') return skip(isWhole ? 'already reversed' : 'already refunded');
  const deducted = before.commissionMinor - after.commissionMinor;
  return {
    status: isWhole ? 'reversed' : 'refunded',
    deductionAmount: toMajorNumber(deducted, after.commissionCurrency),
    message: 'Refund tracked successfully',
  };
}

function skip(reason: string): Refund {
  return { status: 'skipped', reason, message: `Refund skipped: the commission is ${reason}` };
}
