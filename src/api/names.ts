import { z } from 'zod';
import { readNamesOfAny } from '../program/names.ts';
import { defineRoute, type Route } from './route.ts';

/** As many affiliates and offers as a page of any list can have. */
const MAX_NAMES = 200;

const nameSchema = z
  .strictObject({
    id: z.string().meta({ description: 'As it was asked for' }),
    name: z.string().meta({ description: 'What it is called', example: 'Ann Lee' }),
  })
  .meta({ id: 'Name' });
export type NameView = z.output<typeof nameSchema>;

export const nameRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/names',
    access: 'read',
    tag: 'Look-up',
    summary: 'What affiliates and offers are called',
    description:
      'For lists, whose rows have ids: one call for all of a page. Ids that nothing has are left out of the answer.',
    query: z.strictObject({
      ids: z
        .string()
        .transform((value, context) => {
          const ids = [...new Set(value.split(',').map((id) => id.trim()))];
          if (ids.length <= MAX_NAMES && ids.every((id) => id !== '')) return ids;
          context.addIssue({ code: 'custom', message: `must be 1 to ${MAX_NAMES} ids with commas` });
          return z.NEVER;
        })
        .meta({
          description: `Of affiliates and offers, at most ${MAX_NAMES}, with commas`,
          example: 'aff_01a1f8c4d18770008000000000000002,off_01a1f8c4d18770008000000000000003',
        }),
    }),
    status: 200,
    answer: z.strictObject({ data: z.array(nameSchema).meta({ description: 'Those that there are' }) }),
    handle: async ({ db }, { reach, query }) => ({ data: await readNamesOfAny(db, reach, query.ids) }),
  }),
];
