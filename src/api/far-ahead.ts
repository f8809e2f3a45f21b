import { validationError } from '../domain/errors.ts';
import { isTooFarAhead } from '../inbound/fields/values.ts';

/** A time more than a year ahead is a mistake. Throws VALIDATION_ERROR with the field. */
export function refuseFarAhead(field: string, time: Date, receivedAt: Date): void {
  if (!isTooFarAhead(time, receivedAt)) return;
  const message = 'is more than a year ahead';
  throw validationError(`${field} ${message}`, { [field]: message, reason: 'occurred_at_in_future' });
}
