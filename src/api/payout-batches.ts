import { z } from 'zod';
import { AppError, found, notFound, validationError } from '../domain/errors.ts';
import { namedBy, type Scope } from '../domain/scope.ts';
import { amountMinor, currency, reference, timestamp } from '../http/fields.ts';
import {
  findBatch,
  listBatches,
  listPayoutsOfBatch,
  MAX_BATCH_PAYOUTS,
  sumBatches,
  type BatchSums,
  type PayoutBatch,
} from '../ledger/payout-batches.ts';
import { payoutView } from '../ledger/payouts.ts';
import { changeBatchAndAnnounce, createBatchAndAnnounce, previewBatch } from '../operations/payout-batches.ts';
import { findAffiliateIds } from '../program/affiliate-names.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { paymentWords, payoutFields } from './payouts.ts';
import { defineRoute, Reply, type ApiDeps, type Route } from './route.ts';

const inDryRun = { description: 'null in a dry run' };

const shown = {
  id: z.string().nullable().meta(inDryRun),
  currency: z.string(),
  minimumMinor: amountMinor.meta({ description: 'Whoever had less got no payout' }),
  reference: z.string().nullable(),
  note: z.string().nullable(),
  count: z.int().meta({ description: 'Of its payouts' }),
  totalMinor: amountMinor.meta({ description: 'The sum of its payouts' }),
  counts: z
    .strictObject({ pending: z.int(), paid: z.int(), failed: z.int() })
    .meta({ description: 'How many of its payouts are in which state' }),
  createdAt: timestamp.nullable().meta(inDryRun),
};
const batchSchema = z.strictObject(shown).meta({ id: 'PayoutBatch' });
export type PayoutBatchView = z.output<typeof batchSchema>;
const batchDetailSchema = z
  .strictObject({
    ...shown,
    payouts: z.array(
      z.strictObject({
        ...payoutFields,
        id: z.string().nullable().meta(inDryRun),
        createdAt: timestamp.nullable().meta(inDryRun),
      }),
    ),
    skippedAffiliateIds: z
      .array(z.string())
      .optional()
      .meta({ description: 'Named, and not paid: banned, or with less than the minimum' }),
  })
  .meta({ id: 'PayoutBatchDetail' });
export type PayoutBatchDetailView = z.output<typeof batchDetailSchema>;

const inputSchema = z
  .strictObject({
    currency,
    minimumMinor: z
      .int()
      .min(1)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .meta({ description: 'Whoever has less is left out; 1 unless said', example: 5_000 }),
    affiliateIds: z
      .array(reference)
      .min(1)
      .max(MAX_BATCH_PAYOUTS)
      .optional()
      .meta({ description: 'Those alone, by id or referral code; left out: everybody', example: ['jane'] }),
    dryRun: z.boolean().optional().meta({ description: 'true: answers what would be paid, and writes nothing' }),
    ...paymentWords,
  })
  .meta({ id: 'PayoutBatchInput' });

const tag = 'Payouts';

export const payoutBatchRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/payouts/batches',
    access: 'write',
    tag,
    summary: 'Pay out to many affiliates at once',
    description:
      'Takes of each affiliate all that is payable in the currency, in one step: all payouts are made, or none. ' +
      `At most ${MAX_BATCH_PAYOUTS} payouts. 409: nothing is payable. Who is banned is left out.`,
    body: inputSchema,
    maxValues: MAX_BATCH_PAYOUTS + 100,
    status: 201,
    answer: one(batchDetailSchema),
    otherAnswers: { 200: { description: 'A dry run', schema: one(batchDetailSchema) } },
    handle: async (deps, { principal, scope, livemode, body, actor }) => {
      const { programId } = principal;
      const { dryRun = false, minimumMinor = 1, affiliateIds: names } = body;
      const affiliateIds = names ? await requireAffiliates(deps, scope, names) : null;
      const input = { ...body, minimumMinor: BigInt(minimumMinor), affiliateIds, createdBy: principal.keyId };
      if (!livemode && !dryRun) throw new AppError('CONFLICT', 'Nothing is payable: test commissions never are');
      if (dryRun) {
        const payable = livemode ? await previewBatch(deps.db, programId, input) : [];
        return new Reply(200, { data: previewView(input, payable, affiliateIds) });
      }
      const { batch } = await createBatchAndAnnounce(deps, programId, input, actor);
      return { data: await detailView(deps, batch, affiliateIds) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/payouts/batches',
    access: 'read',
    tag,
    summary: 'List payout batches',
    query: z.strictObject({ ...pageQuery, currency: currency.optional() }),
    status: 200,
    answer: listOf(batchSchema),
    handle: async ({ db }, { principal, livemode, query }) => {
      const { programId } = principal;
      const request = toPageRequest('payout-batches', query);
      const nothing = { items: [], hasMore: false };
      const page = livemode ? await listBatches(db, programId, query.currency, request) : nothing;
      const sums = await sumBatches(
        db,
        programId,
        page.items.map(({ id }) => id),
      );
      const sumsOf = new Map(sums.map((one) => [one.batchId, one]));
      return toListBody('payout-batches', page, (batch) => batchView(batch, sumsOf.get(batch.id)));
    },
  }),
  defineRoute({
    method: 'get',
    path: '/payouts/batches/:id',
    access: 'read',
    tag,
    summary: 'Get a payout batch, with its payouts',
    status: 200,
    answer: one(batchDetailSchema),
    handle: async (deps, { principal, livemode, params }) => {
      const batch = livemode ? await findBatch(deps.db, principal.programId, params.id) : null;
      return { data: await detailView(deps, found(batch, 'Payout batch')) };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/payouts/batches/:id',
    access: 'write',
    tag,
    summary: 'Mark all pending payouts of a batch paid or failed',
    description:
      'Payouts that were marked one by one stay as they are. `reference` and `note` are written to the batch and to the ' +
      'payouts that the call marks; without `status` to all of them.',
    body: z
      .strictObject({ status: z.enum(['paid', 'failed']).optional(), ...paymentWords })
      .refine((body) => Object.values(body).some((value) => value !== undefined), 'must have one field at least')
      .meta({ id: 'PayoutBatchChanges' }),
    status: 200,
    answer: one(batchDetailSchema),
    handle: async (deps, { principal, livemode, params, body, actor }) => {
      const { programId } = principal;
      const isKnown = livemode && (await changeBatchAndAnnounce(deps, programId, params.id, body, actor));
      if (!isKnown) throw notFound('Payout batch');
      return { data: await detailView(deps, found(await findBatch(deps.db, programId, params.id), 'Payout batch')) };
    },
  }),
];

/** Throws VALIDATION_ERROR where one of them is no affiliate of the program. */
async function requireAffiliates({ db }: ApiDeps, scope: Scope, names: readonly string[]): Promise<string[]> {
  const affiliates = await findAffiliateIds(db, namedBy(scope), names);
  const unknown = affiliates.find(({ id }) => id === null);
  if (unknown) {
    const message = `${unknown.name} is not an affiliate of this program`;
    throw validationError(`affiliateIds: ${message}`, { affiliateIds: message });
  }
  return affiliates.flatMap(({ id }) => id ?? []);
}

async function detailView({ db }: ApiDeps, batch: PayoutBatch, named: readonly string[] | null = null) {
  const payouts = await listPayoutsOfBatch(db, batch.programId, batch.id);
  const [sums] = await sumBatches(db, batch.programId, [batch.id]);
  return { ...batchView(batch, sums), payouts: payouts.map(payoutView), ...skippedOf(named, payouts) };
}

function batchView(batch: PayoutBatch, sums: BatchSums | undefined): z.input<typeof batchSchema> {
  return {
    id: batch.id,
    currency: batch.currency,
    minimumMinor: Number(batch.minimumMinor),
    reference: batch.reference,
    note: batch.note,
    count: sums?.count ?? 0,
    totalMinor: Number(sums?.totalMinor ?? 0n),
    counts: sums?.counts ?? { pending: 0, paid: 0, failed: 0 },
    createdAt: batch.createdAt.toISOString(),
  };
}

function previewView(
  {
    currency: of,
    minimumMinor,
    ...words
  }: {
    currency: string;
    minimumMinor: bigint;
    reference?: string | null | undefined;
    note?: string | null | undefined;
  },
  payable: readonly { affiliateId: string; amountMinor: bigint }[],
  named: readonly string[] | null,
): z.input<typeof batchDetailSchema> {
  const said = { currency: of, reference: words.reference ?? null, note: words.note ?? null };
  return {
    ...said,
    id: null,
    minimumMinor: Number(minimumMinor),
    count: payable.length,
    totalMinor: Number(payable.reduce((sum, { amountMinor: minor }) => sum + minor, 0n)),
    counts: { pending: payable.length, paid: 0, failed: 0 },
    createdAt: null,
    payouts: payable.map(({ affiliateId, amountMinor: minor }) => ({
      ...said,
      id: null,
      affiliateId,
      amountMinor: Number(minor),
      status: 'pending',
      batchId: null,
      createdAt: null,
      paidAt: null,
      failedAt: null,
    })),
    ...skippedOf(named, payable),
  };
}

function skippedOf(named: readonly string[] | null, paid: readonly { affiliateId: string }[]) {
  if (!named) return {};
  const ids = new Set(paid.map(({ affiliateId }) => affiliateId));
  return { skippedAffiliateIds: [...new Set(named)].filter((id) => !ids.has(id)) };
}
