import { z } from 'zod';
import { presets } from '../inbound/postback/presets.ts';
import { postbackSettingsSchema, revenuecatSettingsSchema, trackerStateSchema } from '../program/sources.ts';
import { stripInvisible } from '../domain/codes.ts';
import { holdsKey, isApiKey } from '../domain/keys.ts';
import { findNameProblem } from '../inbound/fields/name-problems.ts';
import { network, text, timestamp } from '../http/fields.ts';
import { refusalReason } from './refusals.ts';

/** Secrets are taken as they are, spaces and all; but none that is blank, since anybody could guess it. */
const secret = z
  .string()
  .min(1)
  .max(255)
  .refine((value) => /\S/.test(stripInvisible(value)), 'must not be blank');

/** Stripe shows its API keys and its signing secrets on neighbouring pages. */
const signingSecret = secret.refine(
  (value) => !isApiKey(stripInvisible(value)) && !holdsKey(value),
  'is an API key. The signing secret of an endpoint begins with whsec_: in Stripe it is shown on the page of that ' +
    'endpoint (Developers, Webhooks)',
);

const common = {
  name: text().nullable().optional(),
  orderScope: z.enum(['program', 'source']).optional().meta({
    description:
      'source: its order ids are its own and never meet those of other sources. Always so where `requireKey` is false',
  }),
  livemode: z.boolean().optional().meta({
    description:
      "true: each message says itself whether it is test; false: all that comes by it is. Default: the key's mode",
  }),
};

const stripe = {
  signingSecrets: z
    .array(signingSecret)
    .min(1)
    .max(10)
    .meta({ description: 'whsec_…; several while one is rotated: each is tried' }),
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

/** No tracker has so many parameters or status words. Each of its messages is read by them. */
const MAX_ENTRIES = 100;
const TOO_MANY_ENTRIES = `must have at most ${MAX_ENTRIES} entries`;

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
    .refine(isBounded, TOO_MANY_ENTRIES)
    .superRefine((fields, context) => {
      for (const [theirs, ours] of Object.entries(fields)) {
        const message = findNameProblem(theirs, ours);
        if (message !== null) context.addIssue({ code: 'custom', path: [theirs], message });
      }
    })
    .optional()
    .meta({
      description:
        "{theirs: ours}, on top of the preset's. Theirs may be a path into JSON or a form: `data.id`, `items.0.price`",
    }),
  statuses: z
    .record(z.string().trim().min(1).max(100), trackerStateSchema)
    .refine(isBounded, TOO_MANY_ENTRIES)
    .optional()
    .meta({ description: "{theirs: what it means}, on top of the preset's; other words pay nothing" }),
  response: z.enum(['json', 'ok', 'gif']).optional().meta({ description: "Default: the preset's, else json" }),
  requireKey: z.boolean().optional().meta({
    description:
      'Default true: `secure` must carry an API key, best one with the access ingest. false: a key there lends nothing, and what comes speaks for orders and customers of this source alone',
  }),
  allowedCidrs: z.array(network).max(100).nullable().optional(),
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
  id: z.string().meta({ description: 'Unguessable: it is the way in. To whoever may not know it: the ref' }),
  ref: z
    .string()
    .meta({ description: 'Names the source, opens nothing; taken wherever the id is, but in URLs to send to' }),
  kind: z.enum(['stripe', 'revenuecat', 'postback']),
  name: z.string().nullable(),
  orderScope: z.enum(['program', 'source']),
  livemode: z.boolean().meta({ description: 'true: each message says itself whether it is test; false: all are' }),
  url: z.string().nullable().meta({ description: 'Where the sender is to send; null to whoever may not know the id' }),
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
  postbackUrl: z.string().nullable().optional().meta({
    description:
      'Of a postback source: ready to paste into its tracker; replace API_KEY by an ingest key. null as url is',
  }),
  createdAt: timestamp,
};

const lately = {
  lastEventAt: timestamp.nullable().meta({ description: 'When the newest message came by it' }),
  events24h: z.int().meta({ description: 'Messages of the last 24 hours, to the quarter of an hour' }),
  failed24h: z.int().meta({ description: 'Of these the messages that failed or could not be read' }),
  refused24h: z.int().meta({ description: 'Messages that it turned away in the last 24 hours, to the hour' }),
};

/** What a kind does not have is left out. Secrets are never shown. */
export const configuredSchema = z.strictObject(shown);
export const sourceSchema = z.strictObject({ ...shown, ...lately }).meta({ id: 'Source' });
export type SourceView = z.output<typeof sourceSchema>;
export const sourceDetailSchema = z
  .strictObject({
    ...shown,
    ...lately,
    refusals24h: z
      .array(z.strictObject({ reason: refusalReason, count: z.int() }))
      .meta({ description: 'Those of `refused24h` by reason, the most frequent first' }),
    requiredEvents: z.array(z.string()).meta({ description: 'To switch on at the sender' }),
  })
  .meta({ id: 'SourceDetail' });
export type SourceDetailView = z.output<typeof sourceDetailSchema>;

export const presetSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    fields: z.record(z.string(), z.string()),
    statuses: z.record(z.string(), trackerStateSchema),
    response: z.enum(['json', 'ok', 'gif']),
    postbackUrl: z
      .string()
      .meta({ description: 'Paste it into that tracker; replace SOURCE_ID, and API_KEY by an ingest key' }),
    documentation: z.string(),
  })
  .meta({ id: 'SourcePreset' });
export type SourcePresetView = z.output<typeof presetSchema>;

function isBounded(map: object): boolean {
  return Object.keys(map).length <= MAX_ENTRIES;
}
