import type { GivenFields } from './given.ts';
import { findField, type ConversionField, type FieldNames } from './names.ts';

/** What can tell who referred it, or what it is about. */
export const subjects: ReadonlySet<ConversionField> = new Set([
  'clickId',
  'orderId',
  'customerId',
  'customerEmail',
  'affiliateId',
  'referralCode',
  'couponCode',
]);

/** Whether the message names anything that could tell who referred it, or what it is about. */
export function namesSubject(given: GivenFields): boolean {
  return [...subjects].some((field) => given[field] !== undefined);
}

/** The same of names and values that were not read yet. */
export function namesSubjectIn(pairs: readonly (readonly [string, unknown])[], names: FieldNames): boolean {
  return pairs.some(([name, value]) => {
    const field = findField(names, name)?.field;
    return field !== undefined && subjects.has(field) && value !== '';
  });
}
