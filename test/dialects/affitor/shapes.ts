import { z } from 'zod';
import { exactly, type ErrorShapes, type ExpectedError } from '../conformance.ts';

/** Answers of https://docs.affitor.com/api-reference (read 2026-11) as schemas. */
const number = z.int().positive();

export const click = z.strictObject({
  success: z.literal(true),
  click_id: z.string().startsWith('clk_'),
  partner_code: z.string(),
  cookie_window_days: z.literal(30),
});
export const lead = exactly({ success: true, message: 'Lead tracked successfully' });
export const sale = z.strictObject({
  success: z.literal(true),
  sale_id: number,
  commission_id: number,
  message: z.literal('Sale tracked successfully'),
});
export const notAttributed = z.strictObject({
  success: z.literal(true),
  attributed: z.literal(false),
  reason: z.literal('attribution_window_expired'),
  click_age_days: z.int(),
  window_days: z.literal(30),
  sale_id: number,
  commission_id: z.null(),
  message: z.literal('Sale tracked — attribution window expired, no commission created'),
});
export const testData = (what: string) => ({
  message: z.literal(`Test ${what} event tracked successfully`),
  data: z.strictObject({ eventId: number, programId: number, test_mode: z.literal(true) }),
});

const failure = z.strictObject({ error: z.string().min(1) });

/** An error in the page's own words. */
export function says(status: number, error: string): ExpectedError {
  return { status, body: exactly({ error }) };
}

export const errors: ErrorShapes = {
  noKey: says(401, 'Missing or malformed Authorization header'),
  wrongKey: says(401, 'Invalid API token'),
  readOnlyKey: { status: 401, body: failure },
  invalid: { status: 400, body: failure },
  malformedJson: { status: 400, body: failure },
  tooLarge: { status: 413, body: failure },
  wrongMediaType: { status: 415, body: failure },
  unknown: { status: 404, body: failure },
};
