import { z } from 'zod';
import { AppError, found } from '../domain/errors.ts';
import { findProgram, getProgram, listPrograms, type Program } from '../program/programs.ts';
import { currency, email, reference, text, timestamp, timezone } from '../http/fields.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { changeProgram, createProgramAs } from '../operations/program-changes.ts';
import { defineRoute, type Route } from './route.ts';

const attribution = {
  model: z.enum(['last_click', 'first_click']).meta({ description: 'Which of several clicks counts' }),
  couponFirst: z.boolean().meta({ description: 'Whether a coupon code beats all other evidence' }),
};

const programSchema = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    currency: z.string(),
    timezone: z.string(),
    defaultOfferId: z.string().nullable(),
    attribution: z.strictObject(attribution),
    holdDays: z.int(),
    autoApprove: z.boolean(),
    identifyByEmail: z.boolean(),
    browserLeads: z.boolean(),
    sameDomain: z.enum(['flag', 'review']),
    clickRetentionDays: z.int(),
    companyName: z.string().nullable(),
    contactEmail: z.string().nullable(),
    status: z.string(),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Program' });
export type ProgramView = z.output<typeof programSchema>;

const changeable = {
  name: text(),
  currency: currency.optional().meta({ description: 'Of offers that name none; default USD' }),
  timezone: timezone.optional().meta({ description: 'Day boundaries of caps, durations, statistics; default UTC' }),
  attribution: z
    .strictObject({ model: attribution.model.optional(), couponFirst: attribution.couponFirst.optional() })
    .optional(),
  holdDays: z.int().min(0).max(3650).optional().meta({ description: 'Days before a commission can be approved' }),
  autoApprove: z
    .boolean()
    .optional()
    .meta({ description: 'Approve when the hold is over; else only PATCH /commissions/:id approves' }),
  identifyByEmail: z
    .boolean()
    .optional()
    .meta({
      description:
        'Whether customers with one e-mail are one, whatever ids they have: their first order brings all of them, and a CPA ' +
        'offer pays once. Default false: an e-mail alone stands for whoever was told of with it and an id first. A change ' +
        'settles those whom it concerns again',
    }),
  browserLeads: z
    .boolean()
    .optional()
    .meta({
      description:
        "Whether a visitor's browser may make leads without a key (the browser mode of /affitor). Default false, since " +
        'anybody can send them: such a lead is the weakest evidence of all, and credits only what nothing else would',
    }),
  sameDomain: z
    .enum(['flag', 'review'])
    .optional()
    .meta({
      description:
        'What an equal domain of buyer and affiliate (none of a public mail provider) does: `flag` (default) tells it in the ' +
        'explanation, `review` holds the commission until a person decides',
    }),
  clickRetentionDays: z
    .int()
    .min(0)
    .max(36_500)
    .optional()
    .meta({
      description:
        "Days that a click which no order names is kept beyond the longest attribution window of the program's offers " +
        '(default 400); its count stays',
    }),
  companyName: text().nullable().optional(),
  contactEmail: email.nullable().optional(),
};

const changes = {
  ...changeable,
  name: changeable.name.optional(),
  defaultOfferId: reference
    .nullable()
    .optional()
    .meta({ description: "Where affiliates' own links lead, and what a sale pays by that names no offer" }),
};

/** What a program is called and which currency it reckons in is decided where programs are made. */
const adminsAlone = z.never({ error: 'is changed with the admin token alone' }).optional();

const ownChanges = z.strictObject({ ...changes, name: adminsAlone, currency: adminsAlone });

export const programRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/programs',
    access: 'admin',
    tag: 'Programs',
    summary: 'Create a program',
    body: z.strictObject(changeable).meta({ id: 'ProgramInput' }),
    status: 201,
    answer: one(programSchema),
    handle: async ({ db }, { body, actor }) => ({ data: programView(await createProgramAs(db, actor, body)) }),
  }),
  defineRoute({
    method: 'get',
    path: '/programs',
    access: 'admin',
    tag: 'Programs',
    summary: 'List programs',
    query: z.strictObject(pageQuery),
    status: 200,
    answer: listOf(programSchema),
    handle: async ({ db }, { query }) =>
      toListBody('programs', await listPrograms(db, toPageRequest('programs', query)), programView),
  }),
  defineRoute({
    method: 'get',
    path: '/programs/:id',
    access: 'admin',
    tag: 'Programs',
    summary: 'Get a program',
    status: 200,
    answer: one(programSchema),
    handle: async ({ db }, { params }) => ({ data: programView(found(await findProgram(db, params.id), 'Program')) }),
  }),
  defineRoute({
    method: 'patch',
    path: '/programs/:id',
    access: 'admin',
    tag: 'Programs',
    summary: 'Change a program',
    body: z.strictObject(changes).meta({ id: 'ProgramChanges' }),
    status: 200,
    answer: one(programSchema),
    handle: async (deps, { params, body, actor }) => ({
      data: programView(found(await changeProgram(deps, params.id, body, actor), 'Program')),
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/program',
    access: 'read',
    tag: 'Programs',
    summary: 'Get the program of this key',
    status: 200,
    answer: one(programSchema),
    handle: async ({ db }, { principal }) => ({ data: programView(await getProgram(db, principal.programId)) }),
  }),
  defineRoute({
    method: 'patch',
    path: '/program',
    access: 'write',
    tag: 'Programs',
    summary: 'Change the program of this key',
    description: 'By a live key. Name and currency are changed with the admin token alone.',
    body: ownChanges.meta({ id: 'OwnProgramChanges' }),
    status: 200,
    answer: one(programSchema),
    handle: async (deps, { principal, livemode, body, actor }) => {
      if (!livemode) {
        throw new AppError('INSUFFICIENT_PERMISSIONS', 'A test key changes no live configuration: use a live key');
      }
      return { data: programView(found(await changeProgram(deps, principal.programId, body, actor), 'Program')) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/me',
    access: 'read',
    tag: 'Programs',
    summary: 'Whose key this is',
    status: 200,
    answer: one(
      z
        .strictObject({
          program: z.strictObject({ id: z.string(), name: z.string() }),
          mode: z.enum(['live', 'test']),
          access: z.enum(['read', 'write', 'ingest']).nullable().meta({ description: 'null: see scopes' }),
          scopes: z.array(z.string()).optional().meta({ description: 'Of a key that has no access but scopes' }),
        })
        .meta({ id: 'Me' }),
    ),
    handle: async ({ db }, { principal }) => {
      const { id, name } = await getProgram(db, principal.programId);
      const { mode, access, scopes } = principal;
      return { data: { program: { id, name }, mode, access, ...(access === null ? { scopes: [...scopes] } : {}) } };
    },
  }),
];

function programView(program: Program): z.input<typeof programSchema> {
  return { ...program, createdAt: program.createdAt.toISOString(), updatedAt: program.updatedAt.toISOString() };
}
