import { validationError } from '../../domain/errors.ts';
import type { CommissionOverride, CommissionTerms } from '../../domain/terms.ts';
import { readMajorNumber, readPercent, toMajorNumber, toPercent } from '../values.ts';

/** percentage: 20 is 20 % of a sale (CPS). fixed: 50 is $50 a conversion (CPA). */
export type CommissionType = 'percentage' | 'fixed';

/**
 * The terms behind type and value; `currency` is needed for fixed amounts only. Throws VALIDATION_ERROR, which names
 * `field`, where the value cannot be read.
 */
export function readTerms(type: CommissionType, value: number, currency: string, field: string): CommissionTerms {
  return type === 'percentage'
    ? { type: 'cps', rateBps: readRate(value, field) }
    : { type: 'cpa', amountMinor: readFixed(value, currency, field) };
}

/** Terms as type and value. A revenue share is a percentage, too. */
export function describeTerms(terms: CommissionTerms, currency: string): { type: CommissionType; value: number } {
  return terms.type === 'cpa'
    ? { type: 'fixed', value: toMajorNumber(terms.amountMinor, currency) }
    : { type: 'percentage', value: toPercent(terms.rateBps) };
}

/** An affiliate's own terms: a number is a percentage; `{type, value}` says which. */
export type OverrideInput = number | { type: CommissionType; value: number };

/** `currency` is needed for fixed amounts only. */
export function readOverride(input: OverrideInput | null, currency: string): CommissionOverride | null {
  if (input === null) return null;
  const field = 'commissionOverride';
  const { type, value } = typeof input === 'number' ? { type: 'percentage' as const, value: input } : input;
  return type === 'percentage'
    ? { rateBps: readRate(value, field) }
    : { amountMinor: readFixed(value, currency, field) };
}

/** A percentage as the number that it was given as. */
export function describeOverride(override: CommissionOverride | null, currency: string): OverrideInput | null {
  if (override === null) return null;
  return 'rateBps' in override
    ? toPercent(override.rateBps)
    : { type: 'fixed', value: toMajorNumber(override.amountMinor, currency) };
}

function readRate(value: number, field: string): number {
  const rateBps = readPercent(value);
  if (rateBps === null) throw refuse(field, 'must be a percentage from 0 to 100 with at most 2 decimals');
  return rateBps;
}

function readFixed(value: number, currency: string, field: string): number {
  const parsed = readMajorNumber(value, currency);
  if (!parsed.ok) throw refuse(field, parsed.problem);
  if (parsed.amountMinor < 0n) throw refuse(field, 'must not be negative');
  return Number(parsed.amountMinor);
}

function refuse(field: string, message: string): Error {
  return validationError(`${field} ${message}`, { [field]: message });
}
