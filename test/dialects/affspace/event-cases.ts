import assert from 'node:assert/strict';
import { at, like, type ConformanceCase } from '../conformance.ts';
import { invalid, post, eventBody } from './shapes.ts';

/** Secondary events. */
export const eventCases: ConformanceCase[] = [
  {
    name: 'tracks an event by the example of the page',
    request: (program) =>
      post('events', program, {
        click_id: program.kept['cpa-1'],
        event_type: 'lead',
        url: 'https://advertiser.example/signup',
        referrer: 'https://advertiser.example/pricing',
      }),
    status: 200,
    body: eventBody,
  },
  {
    name: 'says why a repeated lead is not tracked',
    request: (program) => post('events', program, { clickid: program.kept['cpa-1'], event_type: 'lead' }),
    status: 200,
    body: like({ success: true, data: { tracked: false, event_id: 'evt_1', reason: '' } }),
    check: (answer) => assert.equal(at(answer, 'data.reason'), 'duplicate_event'),
  },
  ...['pageview', 'registration'].map((type): ConformanceCase => ({
    name: `tracks a ${type}`,
    request: (program) => post('events', program, { cid: program.kept['cpa-4'], event_type: type }),
    status: 200,
    body: eventBody,
  })),
  {
    name: 'needs a click for an event',
    request: (program) => post('events', program, { event_type: 'lead' }),
    status: 400,
    body: invalid('click_id is required'),
  },
  {
    name: 'needs a type for an event',
    request: (program) => post('events', program, { click_id: program.kept['cpa-1'] }),
    status: 400,
    body: invalid('event_type is required'),
  },
  {
    name: "answers an event of another vendor's click as a conversion of it",
    request: (program) => post('events', program, { click_id: program.kept['foreign'], event_type: 'lead' }),
    status: 400,
    body: invalid('Unauthorized - click belongs to different vendor'),
  },
];
