import assert from 'node:assert/strict';
import { z } from 'zod';
import { type ConformanceCase } from '../conformance.ts';
import { base, tracked, untracked, failure, invalid, eventBody, fire } from './shapes.ts';

/** Postbacks by named endpoints. */
export const postbackCases: ConformanceCase[] = [
  {
    name: 'tracks a conversion by a primary endpoint',
    request: (world) =>
      fire(world, 'primary', `clickid=${world.kept['cps-6']}&sum=149.99&action_id=PB-1&secure=${world.keys.live}`),
    status: 200,
    body: tracked,
  },
  {
    name: 'acknowledges the same postback, and tracks it no more',
    request: (world) =>
      fire(world, 'primary', `clickid=${world.kept['cps-6']}&sum=149.99&action_id=PB-1&secure=${world.keys.live}`),
    status: 200,
    body: untracked('duplicate_txid'),
  },
  {
    name: 'acknowledges the same click where a postback has no transaction ID',
    request: (world) => fire(world, 'primary', `clickid=${world.kept['cpa-5']}&secure=${world.keys.live}`),
    status: 200,
    body: tracked,
    check: async (_, world) => {
      const url = `${world.hub.url}${base}${fire(world, 'primary', `clickid=${world.kept['cpa-5']}&secure=${world.keys.live}`).path}`;
      const repeat = (await (await fetch(url)).json()) as { reason: string };
      assert.equal(repeat.reason, 'cpa_click_limit');
    },
  },
  {
    name: 'tracks an event by a secondary endpoint, which knows its type',
    request: (world) => fire(world, 'secondary', `click_id=${world.kept['cpa-6']}&secure=${world.keys.live}`),
    status: 200,
    body: eventBody,
  },
  {
    name: 'refuses a postback without a key',
    request: (world) => fire(world, 'primary', `clickid=${world.kept['cps-6']}&sum=1`),
    status: 401,
    body: failure('UNAUTHORIZED', z.literal('API key required')),
  },
  {
    name: 'refuses a postback with a wrong key',
    request: (world) => fire(world, 'primary', `clickid=${world.kept['cps-6']}&sum=1&secure=${world.keys.wrong}`),
    status: 401,
    body: failure('INVALID_API_KEY', z.literal('API key is invalid')),
  },
  {
    name: "refuses a postback with another vendor's key",
    request: (world) => fire(world, 'primary', `clickid=${world.kept['cps-6']}&sum=1&secure=${world.keys.other}`),
    status: 401,
    body: failure('INVALID_API_KEY', z.literal('API key is invalid')),
  },
  {
    name: 'refuses a postback without a click',
    request: (world) => fire(world, 'primary', `sum=1&secure=${world.keys.live}`),
    status: 400,
    body: invalid('click_id is required'),
  },
  {
    name: "refuses a postback of another vendor's click",
    request: (world) =>
      fire(world, 'primary', `clickid=${world.kept['foreign']}&sum=1&txid=PB-9&secure=${world.keys.live}`),
    status: 400,
    body: invalid('Unauthorized - click belongs to different vendor'),
  },
  {
    name: 'knows no endpoint that is not there',
    request: (world) => fire(world, 'src_unknown', `clickid=1&secure=${world.keys.live}`),
    status: 404,
    body: failure('NOT_FOUND'),
  },
];
