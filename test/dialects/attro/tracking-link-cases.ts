import assert from 'node:assert/strict';
import { at, like, type ConformanceCase } from '../conformance.ts';
import { fields, linkExample, links } from './shapes.ts';

/** Tracking links, after affiliates and offers. */
export const trackingLinkCases: ConformanceCase[] = [
  {
    name: 'creates a tracking link by the example of the page',
    request: (program) => ({
      path: '/tracking-links',
      body: {
        affiliateId: program.affiliateId,
        offerId: program.offerId,
        customUrl: 'https://yourapp.com/special-promo',
      },
    }),
    status: 201,
    body: like({ data: linkExample }, fields),
    check: async (answer, program) => {
      const link = at(answer, 'data') as Record<string, string>;
      assert.equal(link['trackingUrl'], `${program.hub.url}/r/${link['code']}`);
      assert.equal(link['destinationUrl'], 'https://yourapp.com/special-promo');
      program.kept['link'] = link['id'] ?? '';
      const visit = await fetch(link['trackingUrl'] ?? '', { redirect: 'manual' });
      assert.equal(visit.status, 302);
      const destination = new URL(visit.headers.get('location') ?? '');
      assert.equal(destination.origin + destination.pathname, 'https://yourapp.com/special-promo');
      program.kept['click'] = destination.searchParams.get('click_id') ?? '';
    },
  },
  {
    name: 'counts the clicks of a tracking link in the list',
    request: (program) => ({ path: `/tracking-links?affiliateId=${program.affiliateId}` }),
    status: 200,
    body: links,
    check: (answer, { kept }) => {
      assert.equal(at(answer, 'data.0.id'), kept['link']);
      assert.equal(at(answer, 'data.0.clicks'), 1);
      assert.equal(at(answer, 'data.0.conversions'), 0);
    },
  },
  {
    name: 'gets a tracking link with its counts',
    request: ({ kept }) => ({ path: `/tracking-links/${kept['link']}`, key: 'read' }),
    status: 200,
    body: like({ data: linkExample }, fields),
    check: (answer) => assert.equal(at(answer, 'data.clicks'), 1),
  },
  ...(
    [
      ['https://yourapp.com/autumn', 'https://yourapp.com/autumn'],
      [null, 'https://shop.example.com/premium'],
      ['https://yourapp.com/special-promo', 'https://yourapp.com/special-promo'],
    ] as const
  ).map(([customUrl, destinationUrl]): ConformanceCase => ({
    name: `leads a tracking link elsewhere: customUrl ${customUrl}`,
    request: ({ kept }) => ({ method: 'PATCH', path: `/tracking-links/${kept['link']}`, body: { customUrl } }),
    status: 200,
    body: like({ data: linkExample }, fields),
    check: (answer) => assert.equal(at(answer, 'data.destinationUrl'), destinationUrl),
  })),
  {
    name: 'lets no test key change a live tracking link',
    request: ({ kept }) => ({
      method: 'PATCH',
      key: 'test',
      path: `/tracking-links/${kept['link']}`,
      body: { customUrl: null },
    }),
    status: 403,
  },
  {
    name: "leads to the offer's URL without a custom one",
    request: (program) => ({
      path: '/tracking-links',
      body: { affiliateId: program.kept['affiliate'], offerId: program.offerId },
    }),
    status: 201,
    check: (answer) => assert.equal(at(answer, 'data.destinationUrl'), 'https://shop.example.com/premium'),
  },
  {
    name: 'lists all tracking links',
    request: () => ({ path: '/tracking-links' }),
    status: 200,
    body: links,
    check: (answer) => assert.equal(at(answer, 'pagination.total'), 2),
  },
  {
    name: "lists nothing for another program's affiliate",
    request: (program) => ({ path: `/tracking-links?affiliateId=${program.other.affiliateId}` }),
    status: 200,
    check: (answer) => assert.deepEqual(at(answer, 'data'), []),
  },
];
