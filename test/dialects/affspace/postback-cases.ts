import assert from 'node:assert/strict';
import { z } from 'zod';
import { type ConformanceCase } from '../conformance.ts';
import { base, tracked, untracked, failure, invalid, eventBody, fire } from './shapes.ts';

/** Postbacks by named endpoints. */
export const postbackCases: ConformanceCase[] = [
  {
    name: 'tracks a conversion by a primary endpoint',
    request: (program) =>
      fire(
        program,
        'primary',
        `clickid=${program.kept['cps-6']}&sum=149.99&action_id=PB-1&secure=${program.keys.live}`,
      ),
    status: 200,
    body: tracked,
  },
  {
    name: 'acknowledges the same postback, and tracks it no more',
    request: (program) =>
      fire(
        program,
        'primary',
        `clickid=${program.kept['cps-6']}&sum=149.99&action_id=PB-1&secure=${program.keys.live}`,
      ),
    status: 200,
    body: untracked('duplicate_txid'),
  },
  {
    name: 'acknowledges the same click where a postback has no transaction ID',
    request: (program) => fire(program, 'primary', `clickid=${program.kept['cpa-5']}&secure=${program.keys.live}`),
    status: 200,
    body: tracked,
    check: async (_, program) => {
      const url = `${program.hub.url}${base}${fire(program, 'primary', `clickid=${program.kept['cpa-5']}&secure=${program.keys.live}`).path}`;
      const repeat = (await (await fetch(url)).json()) as { reason: string };
      assert.equal(repeat.reason, 'cpa_click_limit');
    },
  },
  {
    name: 'tracks an event by a secondary endpoint, which knows its type',
    request: (program) => fire(program, 'secondary', `click_id=${program.kept['cpa-6']}&secure=${program.keys.live}`),
    status: 200,
    body: eventBody,
  },
  {
    name: 'refuses a postback without a key',
    request: (program) => fire(program, 'primary', `clickid=${program.kept['cps-6']}&sum=1`),
    status: 401,
    body: failure('UNAUTHORIZED', z.literal('API key required')),
  },
  {
    name: 'refuses a postback with a wrong key',
    request: (program) =>
      fire(program, 'primary', `clickid=${program.kept['cps-6']}&sum=1&secure=${program.keys.wrong}`),
    status: 401,
    body: failure('INVALID_API_KEY', z.literal('API key is invalid')),
  },
  {
    name: "refuses a postback with another vendor's key",
    request: (program) =>
      fire(program, 'primary', `clickid=${program.kept['cps-6']}&sum=1&secure=${program.keys.other}`),
    status: 401,
    body: failure('INVALID_API_KEY', z.literal('API key is invalid')),
  },
  {
    name: 'refuses a postback without a click',
    request: (program) => fire(program, 'primary', `sum=1&secure=${program.keys.live}`),
    status: 400,
    body: invalid('click_id is required'),
  },
  {
    name: "refuses a postback of another vendor's click",
    request: (program) =>
      fire(program, 'primary', `clickid=${program.kept['foreign']}&sum=1&txid=PB-9&secure=${program.keys.live}`),
    status: 400,
    body: invalid('Unauthorized - click belongs to different vendor'),
  },
  {
    name: 'knows no endpoint that is not there',
    request: (program) => fire(program, 'src_unknown', `clickid=1&secure=${program.keys.live}`),
    status: 404,
    body: failure('NOT_FOUND'),
  },
];
