import type { FactAmount } from '../../domain/facts.ts';
import { giveField, type GivenFields } from '../fields/given.ts';
import { defaultFieldNames } from '../fields/names.ts';
import { readNet } from '../fields/net.ts';
import { Problems } from '../fields/problems.ts';
import { readAmount } from '../fields/values.ts';

export interface AmountFields {
  amount?: string | number | undefined;
  amountMinor?: number | undefined;
  tax?: string | number | undefined;
  shipping?: string | number | undefined;
}

/**
 * An amount by the fields of `POST /conversions`, in a conversion's own currency: gross, and net without tax and shipping; null
 * net where neither is said. Null where no amount is. Throws VALIDATION_ERROR with `details`.
 */
export function readCorrectedAmount(
  { amount, amountMinor, tax, shipping }: AmountFields,
  currency: string,
): { gross: FactAmount; net: FactAmount | null } | null {
  const problems = new Problems();
  const given: GivenFields = {};
  for (const [name, value] of Object.entries({ amount, amountMinor, tax, shipping, currency })) {
    giveField(given, defaultFieldNames, name, value, problems);
  }
  const gross = readAmount(given, problems, 'refused');
  const net = given.tax || given.shipping ? readNet(given, gross, problems) : null;
  if (net !== null && gross === null) problems.add('amount', 'is required beside tax and shipping');
  problems.throwIfAny();
  return gross && { gross, net };
}
