import { validationError } from '../domain/errors.ts';
import { normalizeConversion } from '../inbound/conversion/normalize.ts';
import { hintAtMisspelt } from '../inbound/fields/misspelt.ts';
import { defaultFieldNames, fieldSpellings, findField } from '../inbound/fields/names.ts';
import { redactRaw } from '../inbound/inbox/redaction.ts';
import type { SettleDeps } from '../pipeline/settle-safely.ts';
import type { Progress } from './import.ts';
import { readTables } from './read-table.ts';
import { readRow, sendRows, type RowImportReport, type RowImportRequest, type RowMessage } from './row-import.ts';

/**
 * Imports conversions: each row is what a call of `POST /conversions` would say, by the same columns, with an order id of its
 * own. All rows are read before any is sent, and with one mistake none is; the same files again add nothing.
 */
export async function importConversions(
  deps: SettleDeps,
  request: RowImportRequest,
  onProgress: (progress: Progress) => void,
): Promise<RowImportReport> {
  const { programId, livemode, paths } = request;
  const { rows, problems, notes } = await readTables(paths, { isColumn, known, isMistake });
  const receivedAt = deps.clock.now();
  const messages = rows.flatMap(({ at, cells }): RowMessage[] => {
    const normalized = readRow(at, problems, () => {
      if (!Object.keys(cells).some((name) => findField(defaultFieldNames, name)?.field === 'orderId')) {
        throw noOrderId();
      }
      return normalizeConversion(cells, { livemode, receivedAt });
    });
    if (!normalized) return [];
    const raw = redactRaw(Buffer.from(JSON.stringify(cells)), cells);
    const headers = { from: 'csv' };
    return [{ at, message: { programId, sourceId: null, kind: 'conversion', raw, headers, normalized, receivedAt } }];
  });
  return sendRows(deps, request, messages, { rows: rows.length, problems, notes }, onProgress);
}

/** A column of the shop's own is passed over; one that is nearly the name of a field is none. */
function isMistake(name: string): boolean {
  return hintAtMisspelt([name], defaultFieldNames) !== '';
}

function isColumn(name: string): boolean {
  return Boolean(findField(defaultFieldNames, name));
}

const known = Object.entries(fieldSpellings)
  .flatMap(([field, [spelling]]) => (field === 'secure' || field === 'metadata' ? [] : (spelling ?? [])))
  .join(', ');

function noOrderId() {
  const message = 'is required: nothing else tells a row that comes again from a new one';
  return validationError(`order_id ${message}`, { order_id: message });
}
