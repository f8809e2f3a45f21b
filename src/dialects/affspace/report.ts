import { AppError, validationError } from '../../domain/errors.ts';
import type { Normalized } from '../../domain/facts.ts';
import { normalizeConversion } from '../../inbound/conversion/normalize.ts';
import { digestId } from '../../inbound/fields/references.ts';
import { defineDialectRoute } from '../dialect.ts';
import { submitRequest } from '../submit.ts';
import { aliasedBody, pickFields } from './fields.ts';
import { conversionLimits } from './limits.ts';
import { answerConversion } from './outcome.ts';

const fields = ['clickId', 'amount', 'orderId', 'customerId', 'goal', 'currency'] as const;

export const reportRoutes = [
  defineDialectRoute({
    method: 'post',
    path: '/api/v1/conversions',
    auth: 'key',
    access: 'ingest',
    limits: conversionLimits,
    body: aliasedBody,
    handle: async (deps, request) => {
      const { principal, body, livemode, receivedAt } = request;
      const { programId } = principal;
      const normalized = normalize(pickFields(body, fields, { clickId: 'click_id' }), { livemode, receivedAt });
      const { id, settled } = await submitRequest(deps, request, { programId, kind: 'conversion', normalized });
      return await answerConversion(deps.db, { programId, normalized }, id, settled);
    },
  }),
];

/**
 * The transaction ID alone makes the fact: whatever a second report of it says, it is a duplicate, and the first one
 * stands. Without one each report is a conversion of its own.
 */
function normalize(body: Record<string, unknown>, context: { livemode: boolean; receivedAt: Date }): Normalized {
  const normalized = normalizeInWords(body, context);
  if (normalized.kind !== 'facts') return normalized;
  const facts = normalized.facts.map((fact) => {
    const isOwn = fact.refs.every((ref) => ref.startsWith('call:'));
    return isOwn ? fact : { ...fact, id: digestId('affspace', fact.refs) };
  });
  return { ...normalized, facts };
}

function normalizeInWords(body: Record<string, unknown>, context: { livemode: boolean; receivedAt: Date }): Normalized {
  try {
    return normalizeConversion(body, context);
  } catch (error) {
    // The page says `amount`, by whichever of its names the sender calls it.
    const notPositive = error instanceof AppError && Object.values(error.details ?? {}).includes('must be positive');
    throw notPositive ? validationError('amount must be positive') : error;
  }
}
