import { z } from 'zod';
import { emailPattern } from '../../domain/email.ts';

/** Fields whose mistakes the page words itself. */

export const email = z.string().trim().max(254).regex(emailPattern, 'Invalid email format');

const notPositive = 'Must be a positive number';
export const positiveNumber = z
  .number({ error: ({ input }) => (input === undefined ? undefined : notPositive) })
  .positive(notPositive);
