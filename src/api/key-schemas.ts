import { z } from 'zod';
import { keyScopes, type KeyScope } from '../domain/key-scopes.ts';
import { moment, network, text } from '../http/fields.ts';

// What may be set of a key, by the API and by the command line.

export const accesses = ['read', 'write', 'ingest'] as const;

export const mayDo =
  'read: reads everything but keys. write: all. ingest: posts conversions, events and postbacks, and reads nothing; for trackers';

const perMinute = z.int().min(1).max(10_000_000).optional();
export const rateLimits = z
  .strictObject({
    reads: perMinute.meta({ description: 'GET; default 600' }),
    writes: perMinute.meta({ description: 'Everything else; default 300' }),
    conversions: perMinute.meta({ description: 'Conversions, events, clicks and postbacks; default 60000' }),
  })
  .meta({ id: 'KeyRateLimits', description: 'Requests a minute' });

const scope = z.enum(keyScopes as readonly [KeyScope, ...KeyScope[]]);

const bounds = {
  expiresAt: moment.nullable().optional().meta({ description: 'It works until then; null: it has no end' }),
  allowedCidrs: z
    .array(network)
    .max(100)
    .nullable()
    .optional()
    .meta({ description: 'The networks that it works from, addresses or CIDRs; null or empty: all' }),
};

/** What it may do is said by one of the two. */
export const keyFields = {
  access: z.enum(accesses).optional().meta({ description: mayDo }),
  scopes: z
    .array(scope)
    .min(1)
    .max(keyScopes.length)
    .optional()
    .meta({
      description: 'Instead of access: one for each resource and `read` or `write`',
      example: ['affiliates:read'],
    }),
  ...bounds,
  rateLimits: rateLimits.optional(),
};

export const keyChanges = z.strictObject({
  name: text().optional(),
  ...bounds,
  rateLimits: rateLimits.nullable().optional().meta({ description: 'null: the usual ones' }),
});

export type KeyBody = { name: string; mode: 'live' | 'test' } & z.output<z.ZodObject<typeof keyFields>>;
export type KeyChangesBody = z.output<typeof keyChanges>;
