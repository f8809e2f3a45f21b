/** What the examples are about, made on a hub by its own API: a program whose offer pays 20 %, and one of $30 a customer. */
export interface ExampleWorld {
  hub: string;
  key: string;
  affiliateId: string;
  referralCode: string;
  offerId: string;
  /** Of the offer with the fixed amount. */
  clickId: string;
  postbackEndpointId: string;
}

/** Makes a program of its own for one page, so that no page's examples meet another's. */
export async function makeCatalog(hub: string, adminToken: string, name: string): Promise<ExampleWorld> {
  const post = async (token: string, path: string, body: object): Promise<Record<string, string>> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const response = await fetch(`${hub}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
    return ((await response.json()) as { data: Record<string, string> }).data;
  };
  const { id: programId = '' } = await post(adminToken, '/programs', { name: `Examples of ${name}` });
  const { key = '' } = await post(adminToken, `/programs/${programId}/api-keys`, {
    name: 'examples',
    mode: 'live',
    access: 'write',
  });
  const url = 'https://shop.example.com/premium';
  const { id: offerId = '' } = await post(key, '/offers', {
    name: 'Premium Subscription',
    url,
    commission: { type: 'cps', rateBps: 2000 },
  });
  const { code: offerCode = '' } = await post(key, '/offers', {
    name: 'My Product Offer',
    url,
    code: `MYOFFER123`,
    commission: { type: 'cpa', amountMinor: 3000 },
  });
  const { id: affiliateId = '', referralCode = '' } = await post(key, '/affiliates', {
    displayName: 'Jane Smith',
    email: 'jane@example.com',
  });
  const { id: clickId = '' } = await post(key, '/clicks', { affiliateId, offerId: offerCode });
  const { id: postbackEndpointId = '' } = await post(key, '/sources', { kind: 'postback' });
  return { hub, key, affiliateId, referralCode, offerId, clickId, postbackEndpointId };
}
