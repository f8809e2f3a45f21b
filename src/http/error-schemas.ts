import { z } from 'zod';
import { errorStatus, type ErrorCode } from '../domain/errors.ts';

const codes = Object.keys(errorStatus) as [ErrorCode, ...ErrorCode[]];
const code = z.enum(codes);
const details = z.record(z.string(), z.string()).meta({ description: 'Field -> message' });

/** The native API's envelope of errors. */
export const errorSchema = z
  .strictObject({
    error: z.strictObject({ code, message: z.string(), details: details.optional(), requestId: z.string() }),
  })
  .meta({ id: 'Error' });

/** The same by RFC 9457, with `Accept: application/problem+json`. */
export const problemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code,
    details: details.optional(),
    requestId: z.string(),
  })
  .meta({ id: 'Problem' });
