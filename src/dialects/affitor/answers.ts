import { z } from 'zod';

/** What Affitor's tracking API answers; also the schemas of `/affitor/openapi.json`. */

const success = z.literal(true);
const number = z.int().positive();
const testData = z.object({ eventId: number, programId: number, test_mode: z.literal(true) }).optional();

export const errorAnswer = z
  .object({ error: z.string().meta({ example: 'transaction_id is required and must be a string' }) })
  .meta({ id: 'Error' });

export const clickAnswer = z
  .object({
    success,
    click_id: z.string().meta({ description: 'To be kept in the first-party cookie affitor_click_id' }),
    partner_code: z.string(),
    cookie_window_days: number,
    message: z.string().optional(),
    data: testData,
  })
  .meta({ id: 'ClickResponse' });
export const inactiveAnswer = z
  .object({ success: z.literal(false), message: z.string() })
  .meta({ id: 'InactiveLinkResponse' });

export const leadAnswer = z.object({ success, message: z.string(), data: testData }).meta({ id: 'LeadResponse' });

export const saleAnswer = z
  .object({
    success,
    sale_id: number.nullable().meta({ description: 'Null: accepted, and not settled yet' }),
    commission_id: number.nullable().meta({ description: 'Null: the sale earns no commission' }),
    message: z.string(),
    data: testData,
  })
  .meta({ id: 'SaleResponse' });
export const notAttributedAnswer = z
  .object({
    success,
    attributed: z.literal(false),
    reason: z.literal('attribution_window_expired'),
    click_age_days: z.int().nullable(),
    window_days: number,
    sale_id: number,
    commission_id: z.null(),
    message: z.string(),
    data: testData,
  })
  .meta({ id: 'SaleNotAttributedResponse' });

export const refundAnswer = z
  .object({
    success,
    status: z.enum(['reversed', 'refunded', 'skipped', 'no_commission', 'processing']),
    deductionAmount: z.number().optional().meta({ description: 'Taken from the commission, in major units' }),
    sale_id: number.meta({ description: 'The sale that is refunded' }),
    commission_id: number.nullable().meta({ description: 'Null: the sale has no commission' }),
    reason: z.string().optional().meta({ description: 'Why it was skipped' }),
    message: z.string(),
    data: testData,
  })
  .meta({ id: 'RefundResponse' });
