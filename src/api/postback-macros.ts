import type { Db } from '../db/db.ts';
import { z } from 'zod';
import { notFound, validationError } from '../domain/errors.ts';
import type { Scope } from '../domain/scope.ts';
import { findConversion } from '../ledger/conversions.ts';
import { assertBodyTemplate } from '../outbound/postbacks/postback-check.ts';
import { postbackPresets } from '../outbound/postbacks/postback-presets.ts';
import {
  compileTarget,
  findTemplateProblem,
  renderRequest,
  sampleSubject,
  sampleValues,
  type PostbackSubject,
} from '../outbound/postbacks/postback-request.ts';
import { parseTemplate, postbackMacros, renderTemplate } from '../outbound/postbacks/postback-template.ts';
import { readSubjects } from '../outbound/postbacks/fire-postbacks.ts';
import { listOf, one } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const tag = 'Postbacks';

const macroSchema = z
  .strictObject({ name: z.string(), macro: z.string(), description: z.string(), example: z.string() })
  .meta({ id: 'PostbackMacro' });
export type PostbackMacroView = z.output<typeof macroSchema>;

const presetSchema = z
  .strictObject({
    tracker: z.string(),
    url: z.string().meta({ description: 'Put the domain (and ids) of the account where it says so' }),
  })
  .meta({ id: 'PostbackPreset' });
export type PostbackPresetView = z.output<typeof presetSchema>;

export const postbackRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/postback-macros',
    access: 'read',
    tag,
    summary: 'The macros of postback templates, all on one page',
    description:
      'Values are URL-encoded (in a JSON body: escaped). `{name|fallback}` stands in for an empty value, ' +
      '`{status:lead=0,sale=1,*=2}` maps values; `{date:FORMAT,TIMEZONE}` takes the tokens of PHP, strftime, Day.js and Unicode.',
    status: 200,
    answer: listOf(macroSchema),
    handle: async () => ({ data: macros, pagination: { hasMore: false, nextCursor: null } }),
  }),
  defineRoute({
    method: 'get',
    path: '/postback-presets',
    access: 'read',
    tag,
    summary: "Ready templates for affiliates' trackers, all on one page",
    status: 200,
    answer: listOf(presetSchema),
    handle: async () => ({ data: postbackPresets, pagination: { hasMore: false, nextCursor: null } }),
  }),
  defineRoute({
    method: 'post',
    path: '/postback-previews',
    access: 'read',
    tag,
    summary: 'Dry run: what a template would fire',
    description: 'Nothing is sent. Without a conversion it shows an example.',
    body: z
      .strictObject({
        url: z.string().max(2048),
        method: z.enum(['GET', 'POST']).optional().meta({ description: 'GET when absent' }),
        bodyTemplate: z.string().max(10_000).nullish(),
        conversionId: z.string().optional(),
      })
      .meta({ id: 'PostbackPreviewInput' }),
    status: 200,
    answer: one(
      z
        .strictObject({ method: z.enum(['GET', 'POST']), url: z.string(), body: z.string().nullable() })
        .meta({ id: 'PostbackPreview' }),
    ),
    handle: async ({ db }, { scope, body }) => {
      const { url, method = 'GET', bodyTemplate = null, conversionId } = body;
      const problem = findTemplateProblem(url);
      if (problem) throw validationError(`url ${problem}`, { url: problem });
      if (bodyTemplate !== null) assertBodyTemplate(method, bodyTemplate);
      const subject = conversionId === undefined ? sampleSubject : await findSubject(db, scope, conversionId);
      const target = compileTarget({ url, method, bodyTemplate });
      if (!target || !subject) throw notFound('Conversion');
      return { data: renderRequest(target, subject) };
    },
  }),
];

async function findSubject(db: Db, { programId, livemode }: Scope, id: string): Promise<PostbackSubject | null> {
  if (!(await findConversion(db, programId, livemode, id))) return null;
  return (await readSubjects(db, [id])).get(id) ?? null;
}

const macros = Object.entries(postbackMacros).map(([name, description]) => {
  const macro = name === 'date' ? '{date:Y-m-d H:i:s,Europe/Berlin}' : `{${name}}`;
  const parsed = parseTemplate(macro);
  const example = parsed.ok ? decodeURIComponent(renderTemplate(parsed.template, sampleValues, 'url')) : '';
  return { name, macro, description, example };
});
