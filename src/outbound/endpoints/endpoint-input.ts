import { z } from 'zod';
import { takeOver } from '../../http/fields.ts';
import { eventTypeNames, eventTypes, explainUnknownType, type EventTypeName } from '../events/event-types.ts';

// What may be set of an endpoint. Whether the hub may call the URL is for the guard to say, in endpoints.ts.

const eventTypesSchema = z
  .array(z.string())
  .max(100)
  .transform((types, context) => {
    const unknown = types.find((type) => !Object.hasOwn(eventTypes, type));
    if (unknown === undefined) return [...new Set(types)] as EventTypeName[];
    context.addIssue({ code: 'custom', message: explainUnknownType(unknown) });
    return z.NEVER;
  })
  .meta({ override: { items: { type: 'string', enum: eventTypeNames } }, description: 'Empty: all' });

/** Headers that HTTP or the signature need. Setting them would break the request or forge a signature. */
const reservedHeaders = new Set([
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'date',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);
const reservedPrefixes = ['webhook-', 'svix-', 'tributary-', 'proxy-', 'sec-'];

const headerNameSchema = z
  .string()
  .max(100)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is no valid HTTP header name')
  .refine(
    (name) =>
      !reservedHeaders.has(name.toLowerCase()) && !reservedPrefixes.some((it) => name.toLowerCase().startsWith(it)),
    'is a header that the hub sets itself',
  );

const headerValueSchema = z
  .string()
  .max(4_096)
  .regex(/^([\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?)?$/, 'must be printable ASCII on one line');

/**
 * Sent with each request, encrypted at rest. Names that differ only in case are the same header, so they are refused.
 */
const headersSchema = z.record(z.string(), z.unknown()).transform((headers, context) => {
  const names = new Set<string>();
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const problem = findHeaderProblem(name, value, names);
    if (problem) context.addIssue({ code: 'custom', message: `'${name.slice(0, 100)}' ${problem}` });
    else checked[name] = value as string;
    names.add(name.toLowerCase());
  }
  if (names.size > 20) context.addIssue({ code: 'custom', message: 'must be at most 20 headers' });
  return checked;
});

function findHeaderProblem(name: string, value: unknown, names: ReadonlySet<string>): string | null {
  const nameIssue = headerNameSchema.safeParse(name).error?.issues[0];
  if (nameIssue) return nameIssue.message;
  if (names.has(name.toLowerCase())) return 'is given twice';
  const valueIssue = headerValueSchema.safeParse(value).error?.issues[0];
  return valueIssue ? `has a value that ${valueIssue.message.replace(/^Invalid input: expected/, 'must be')}` : null;
}

/** As Standard Webhooks writes it: `whsec_` and 24 to 64 bytes in base64. */
export const signingSecretSchema = z.string().refine((secret) => {
  const match = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret);
  const encoded = match?.[1] ?? '';
  const bytes = Buffer.from(encoded, 'base64');
  return encoded.length % 4 === 0 && bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === encoded;
}, 'must be whsec_ followed by 24 to 64 bytes in base64');

const settable = {
  url: z.string(),
  eventTypes: eventTypesSchema,
  description: z.string().max(1_000).nullable(),
  headers: headersSchema.nullable(),
  /** Deliveries a second; null: as fast as it answers. */
  rateLimitPerSecond: z.int().min(1).max(1_000).nullable(),
  disabled: z.boolean(),
  method: z.enum(['GET', 'POST']),
  bodyTemplate: z.string().max(10_000).nullable(),
};

export const endpointCreateSchema = z.strictObject({
  ...z.object(settable).partial().shape,
  url: settable.url,
  // Optional and not `default`: client generators make a field with a default required.
  kind: z.enum(['webhook', 'postback']).optional().meta({
    description: 'webhook when absent; of a postback URL and body are templates with macros, fired for conversions',
  }),
  /** A postback about one affiliate's conversions; absent: about all. */
  affiliateId: z.string().nullable().optional(),
  /** The subscriber's own secret; made when absent. */
  secret: signingSecretSchema.optional(),
});
export type EndpointCreate = z.infer<typeof endpointCreateSchema>;

export const endpointUpdateSchema = z.strictObject({
  ...z.object(settable).partial().shape,
  livemode: takeOver,
});
export type EndpointUpdate = z.infer<typeof endpointUpdateSchema>;

export const rotateSecretSchema = z.strictObject({
  secret: signingSecretSchema.optional(),
  overlapHours: z.number().min(0).max(168).optional().meta({
    description: 'How long the old secret signs, too; 24 when absent',
  }),
});
export type RotateSecret = z.infer<typeof rotateSecretSchema>;
