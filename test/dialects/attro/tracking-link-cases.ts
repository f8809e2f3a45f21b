import assert from 'node:assert/strict';
import { at, like, type ConformanceCase } from '../conformance.ts';
import { fields, linkExample, links } from './shapes.ts';

/** Tracking links, after affiliates and offers. */
export const trackingLinkCases: ConformanceCase[] = [
  {
    name: 'creates a tracking link by the example of the page',
    request: (world) => ({
      path: '/tracking-links',
      body: {
        affiliateId: world.affiliateId,
        offerId: world.offerId,
        customUrl: 'https://yourapp.com/special-promo',
      },
    }),
    status: 201,
    body: like({ data: linkExample }, fields),
    check: async (answer, world) => {
      const link = at(answer, 'data') as Record<string, string>;
      assert.equal(link['trackingUrl'], `${world.hub.url}/r/${link['code']}`);
      assert.equal(link['destinationUrl'], 'https://yourapp.com/special-promo');
      world.kept['link'] = link['id'] ?? '';
      const visit = await fetch(link['trackingUrl'] ?? '', { redirect: 'manual' });
      assert.equal(visit.status, 302);
      const destination = new URL(visit.headers.get('location') ?? '');
      assert.equal(destination.origin + destination.pathname, 'https://yourapp.com/special-promo');
      world.kept['click'] = destination.searchParams.get('click_id') ?? '';
    },
  },
  {
    name: 'counts the clicks of a tracking link in the list',
    request: (world) => ({ path: `/tracking-links?affiliateId=${world.affiliateId}` }),
    status: 200,
    body: links,
    check: (answer, { kept }) => {
      assert.equal(at(answer, 'data.0.id'), kept['link']);
      assert.equal(at(answer, 'data.0.clicks'), 1);
      assert.equal(at(answer, 'data.0.conversions'), 0);
    },
  },
  {
    name: "leads to the offer's URL without a custom one",
    request: (world) => ({
      path: '/tracking-links',
      body: { affiliateId: world.kept['affiliate'], offerId: world.offerId },
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
    request: (world) => ({ path: `/tracking-links?affiliateId=${world.other.affiliateId}` }),
    status: 200,
    check: (answer) => assert.deepEqual(at(answer, 'data'), []),
  },
];
