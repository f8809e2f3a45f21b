import { z } from 'zod';
import { validationError } from '../../domain/errors.ts';
import { defaultFieldNames, findField, type ConversionField } from '../../inbound/fields/names.ts';

/** A body whose fields have several names: an object, read by `pickFields`. */
export const aliasedBody = z.looseObject({});

/**
 * The fields of a body that this endpoint reads, under the names that the sender gave them; whatever else it says is the
 * sender's own business. Throws VALIDATION_ERROR where `required` is not among them, in the page's words.
 */
export function pickFields(
  body: Record<string, unknown>,
  fields: readonly ConversionField[],
  required: Partial<Record<ConversionField, string>>,
): Record<string, unknown> {
  const missing = new Map(Object.entries(required));
  const picked: [string, unknown][] = [];
  for (const [name, value] of Object.entries(body)) {
    const field = findField(defaultFieldNames, name)?.field;
    if (field === undefined || !fields.includes(field)) continue;
    picked.push([name, value]);
    const isEmpty = value === null || value === undefined || (typeof value === 'string' && value.trim() === '');
    if (!isEmpty) missing.delete(field);
  }
  for (const name of missing.values()) throw validationError(`${name} is required`, { [name]: 'is required' });
  return Object.fromEntries(picked);
}

/** Unix milliseconds in a query. */
export const epochMs = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a Unix timestamp in milliseconds')
  .transform((text) => new Date(Number(text)));

/** Of a period; the end counts to the millisecond. */
export function toPeriod(query: { start_date?: Date | undefined; end_date?: Date | undefined }) {
  const { start_date, end_date } = query;
  return { from: start_date ?? null, until: end_date ? new Date(end_date.getTime() + 1) : null };
}

export const offerCode = z.string().trim().min(1).max(255);
