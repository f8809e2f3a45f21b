import { z } from 'zod';

/** Fields whose mistakes the page words itself. */

export const email = z
  .string()
  .trim()
  .max(254)
  .regex(/^[^\s@]{1,64}@[^\s@]+$/, 'Invalid email format');

const notPositive = 'Must be a positive number';
export const positiveNumber = z
  .number({ error: ({ input }) => (input === undefined ? undefined : notPositive) })
  .positive(notPositive);
