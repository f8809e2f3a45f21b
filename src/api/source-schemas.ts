import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { presets } from '../inbound/postback/presets.ts';
import { postbackSettingsSchema, revenuecatSettingsSchema, trackerStateSchema } from '../program/sources.ts';
import { text, timestamp } from '../http/fields.ts';

/** Secrets are taken as they are, spaces and all. */
const secret = z.string().min(1).max(255);

const common = {
  name: text().nullable().optional(),
  orderScope: z.enum(['program', 'source']).optional().meta({
    description:
      'source: its order ids are its own and never meet those of other sources. Always so where `requireKey` is false',
  }),
};

const stripe = {
  signingSecrets: z
    .array(secret)
    .min(1)
    .max(10)
    .meta({ description: 'whsec_…; several while one is rotated: each is tried' }),
  livemode: z.boolean().nullable().optional().meta({ description: 'false: whatever comes by it is test' }),
};

const revenuecat = {
  authorization: secret.nullable().optional().meta({ description: 'The exact value of the Authorization header' }),
  hmacSecret: secret.nullable().optional(),
  amountBasis: revenuecatSettingsSchema.shape.amountBasis.unwrap().optional(),
  campaignAsCoupon: z.boolean().optional().meta({ description: 'Whether `$campaign` is a coupon code' }),
  stripeStores: revenuecatSettingsSchema.shape.stripeStores.unwrap().optional().meta({
    description:
      'Stores billed by Stripe, whose webhooks may report the same money. auto: counted here where the program has no Stripe source',
  }),
};

const presetIds = presets.map(({ id }) => id);
const preset = z
  .string()
  .trim()
  .toLowerCase()
  .refine((id) => presetIds.includes(id), `must be one of ${presetIds.join(', ')}`)
  .meta({ description: 'A tracker of GET /sources/presets', enum: presetIds });

const postback = {
  purpose: z.enum(['primary', 'secondary']).optional().meta({ description: 'Conversions, or funnel events' }),
  preset: preset.nullable().optional(),
  fields: z
    .record(z.string().min(1).max(100), z.string().max(100))
    .optional()
    .meta({ description: "{theirs: ours}, on top of the preset's" }),
  statuses: z
    .record(z.string().trim().min(1).max(100), trackerStateSchema)
    .optional()
    .meta({ description: "{theirs: what it means}, on top of the preset's; other words pay nothing" }),
  response: z.enum(['json', 'ok', 'gif']).optional().meta({ description: "Default: the preset's, else json" }),
  requireKey: z.boolean().optional().meta({
    description:
      'Default true: `secure` must carry an API key. false: a key there lends nothing, and what comes speaks for orders and customers of this source alone',
  }),
  allowedCidrs: z
    .array(z.string().trim().refine(isNetwork, 'must be an address or a CIDR such as 203.0.113.0/24'))
    .max(100)
    .nullable()
    .optional(),
  eventType: postbackSettingsSchema.shape.eventType.unwrap().optional(),
};

export const sourceInput = z
  .discriminatedUnion(
    'kind',
    [
      z.strictObject({ kind: z.literal('stripe'), ...common, ...stripe }).meta({ id: 'StripeSourceInput' }),
      z.strictObject({ kind: z.literal('revenuecat'), ...common, ...revenuecat }).meta({ id: 'RevenuecatSourceInput' }),
      z.strictObject({ kind: z.literal('postback'), ...common, ...postback }).meta({ id: 'PostbackSourceInput' }),
    ],
    { error: (issue) => (issue.code === 'invalid_union' ? 'must be one of stripe, revenuecat, postback' : undefined) },
  )
  .meta({ id: 'SourceInput' });
export type SourceBody = z.output<typeof sourceInput>;

/** The fields of every kind; the handler, which knows the source, refuses those of another kind. */
export const sourceChanges = z
  .strictObject({
    ...common,
    ...stripe,
    signingSecrets: stripe.signingSecrets.optional(),
    ...revenuecat,
    ...postback,
  })
  .meta({ id: 'SourceChanges' });
export type SourceChangesBody = z.output<typeof sourceChanges>;

/** Which fields a kind takes. */
export const fieldsOfKind: Readonly<Record<'stripe' | 'revenuecat' | 'postback', readonly string[]>> = {
  stripe: Object.keys({ ...common, ...stripe }),
  revenuecat: Object.keys({ ...common, ...revenuecat }),
  postback: Object.keys({ ...common, ...postback }),
};

const shown = {
  id: z.string().meta({ description: 'Unguessable: it is the way in' }),
  kind: z.enum(['stripe', 'revenuecat', 'postback']),
  name: z.string().nullable(),
  orderScope: z.enum(['program', 'source']),
  livemode: z.boolean().nullable().meta({ description: 'null: each message says so itself' }),
  url: z.string().meta({ description: 'Where the sender is to send' }),
  amountBasis: revenuecatSettingsSchema.shape.amountBasis.unwrap().optional(),
  campaignAsCoupon: z.boolean().optional(),
  stripeStores: revenuecatSettingsSchema.shape.stripeStores.unwrap().optional(),
  purpose: z.enum(['primary', 'secondary']).optional(),
  preset: z.string().nullable().optional(),
  fields: z.record(z.string(), z.string()).optional(),
  statuses: z.record(z.string(), trackerStateSchema).optional(),
  response: z.enum(['json', 'ok', 'gif']).optional(),
  requireKey: z.boolean().optional(),
  allowedCidrs: z.array(z.string()).nullable().optional(),
  eventType: postbackSettingsSchema.shape.eventType.unwrap().optional(),
  postbackUrl: z.string().optional().meta({ description: 'Of a postback source: ready to paste into its tracker' }),
  createdAt: timestamp,
};

/** What a kind does not have is left out. Secrets are never shown. */
export const sourceSchema = z.strictObject(shown).meta({ id: 'Source' });
export const sourceDetailSchema = z
  .strictObject({
    ...shown,
    requiredEvents: z.array(z.string()).meta({ description: 'To switch on at the sender' }),
    lastEventAt: timestamp.nullable(),
  })
  .meta({ id: 'SourceDetail' });

export const presetSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    fields: z.record(z.string(), z.string()),
    statuses: z.record(z.string(), trackerStateSchema),
    response: z.enum(['json', 'ok', 'gif']),
    postbackUrl: z.string().meta({ description: 'Paste it into that tracker; replace SOURCE_ID and API_KEY' }),
    documentation: z.string(),
  })
  .meta({ id: 'SourcePreset' });

function isNetwork(value: string): boolean {
  return ipaddr.isValid(value) || ipaddr.isValidCIDR(value);
}
