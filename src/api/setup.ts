import { z } from 'zod';
import { readSetupSteps, type SetupSteps } from '../program/setup.ts';
import { timestamp } from '../http/fields.ts';
import { one } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const step = (description: string) =>
  z
    .strictObject({
      done: z.boolean().meta({ description: 'Whether there is one' }),
      at: timestamp.nullable().meta({ description: 'Since when; null: not yet' }),
      next: z.string().nullable().meta({ description: 'What to do; null: it is done', example: nextSteps.offer }),
    })
    .meta({ description });

const nextSteps: Readonly<Record<keyof SetupSteps, string>> = {
  offer: 'POST /api/v1/offers with name, url and commission: what a sale pays',
  affiliate: 'POST /api/v1/affiliates with displayName and email: the answer has their link',
  source: 'POST /api/v1/sources (stripe, revenuecat or postback), or send sales to POST /api/v1/conversions',
  testSale:
    "Follow the affiliate's link with a test key's program, then send a sale with that click_id by a test key: it is " +
    'credited, and earns nothing. POST /api/v1/test-sessions makes such a click',
  webhook: 'POST /api/v1/webhook-endpoints with url, then POST /api/v1/webhook-endpoints/ID/test',
};

const setupSchema = z
  .strictObject({
    offer: step('A published offer'),
    affiliate: step('An active affiliate'),
    source: step('A way in: a source, or a conversion that came by API key'),
    testSale: step('A sale that was credited to somebody, test or live'),
    webhook: step('A webhook endpoint or REST hook'),
  })
  .meta({ id: 'Setup' });
export type SetupView = z.output<typeof setupSchema>;

export const setupRoutes: Route[] = [
  defineRoute({
    method: 'get',
    path: '/setup',
    mayBeBehind: () => true,
    access: 'read',
    tag: 'Programs',
    summary: 'What a new program still lacks',
    description: 'A checklist in the order in which its steps are best done, each with what to do next.',
    status: 200,
    answer: one(setupSchema),
    handle: async ({ db }, { reach }) => {
      const steps = await readSetupSteps(db, reach);
      const view = (name: keyof SetupSteps) => ({
        done: steps[name] !== null,
        at: steps[name]?.toISOString() ?? null,
        next: steps[name] === null ? nextSteps[name] : null,
      });
      const data: z.input<typeof setupSchema> = {
        offer: view('offer'),
        affiliate: view('affiliate'),
        source: view('source'),
        testSale: view('testSale'),
        webhook: view('webhook'),
      };
      return { data };
    },
  }),
];
