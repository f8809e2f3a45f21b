import assert from 'node:assert/strict';
import { makeAffiliate, makeLink, makeOffer, type ApiProgram } from './api-program.ts';
import { ApiClient, type ApiAnswer } from './api-client.ts';

/** Every call that changes configuration or decides something, with what the audit log says of it. */

export interface AuditedCall {
  /** The action that the newest audit event has. */
  action: string;
  call: () => Promise<ApiAnswer>;
}

/** Calls that leave no audit event, each with its reason. */
const ingestion = 'a row of its own tells who sent it: it is in the inbox';
const click = 'a row of its own: traffic, not configuration';
const ended = 'recorded where it ends what goes on, which is over soon here: jobs.test.ts ends some';
const testSession = 'a test click for a while, of test data alone (an affiliate that it makes is recorded)';
export const notAudited: Readonly<Record<string, string>> = {
  'POST /api/v1/clicks': click,
  'POST /api/v1/conversions': ingestion,
  'POST /api/v1/conversions/batch': ingestion,
  'POST /api/v1/events': ingestion,
  'POST /api/v1/test-sessions': testSession,
  'POST /api/v1/sources/:id/test': 'a test message, once: it changes nothing',
  'POST /api/v1/reviews/decisions': 'takes what is in review: reviews.test.ts has some, and looks into the log',
  'POST /api/v1/jobs/:id/cancel': ended,
  'POST /api/v1/inbox-events/replays/:id/cancel': ended,
  'POST /api/v1/webhook-endpoints/:id/recoveries/:recoveryId/cancel': ended,
  'POST /api/v1/postback-previews': 'shows what would be sent, and does nothing',
  'POST /api/v1/webhook-endpoints/:id/test': 'sends an example, once, and changes nothing',
  'POST /attro/api/v1/conversions': ingestion,
  'POST /affilut/api/v1/conversions': ingestion,
  'POST /affitor/api/v1/track/click': click,
  'POST /affitor/api/tracking/click': click,
  'POST /affitor/api/v1/track/lead': ingestion,
  'POST /affitor/api/tracking/lead': ingestion,
  'POST /affitor/api/v1/track/sale': ingestion,
  'POST /affitor/api/tracking/sale': ingestion,
  'POST /affspace/api/v1/conversions': ingestion,
  'POST /affspace/api/v1/events': ingestion,
  'POST /affspace/api/v1/test-sessions': testSession,
  'POST /refgrow/v1/referrals/track': click,
  'POST /refgrow/v1/referrals/convert': ingestion,
};

/** Of no real key or secret: they must never be found in the log. */
export const secrets = {
  signing: 'whsec_signing-secret-of-the-audit',
  signingNext: 'whsec_signing-secret-after-it',
  authorization: 'Bearer authorization-of-the-audit',
  header: 'value-of-a-header',
  endpoint: `whsec_${Buffer.from('secret-of-an-endpoint-of-the-audit').toString('base64')}`,
} as const;

/** Nobody listens there. */
const closed = 'http://127.0.0.1:59999/audit';

let numbers = 0;

/** The calls by method and path, in no order: each makes what it needs. */
export function auditedCalls({ admin, live, liveKey, programId, hub }: ApiProgram): Record<string, AuditedCall> {
  const keyInput = { name: 'made', mode: 'live', access: 'read' };
  const id = async (path: string, body: object): Promise<string> =>
    (await live.post(path, body)).body.data.id as string;
  const keyId = () => id('/api-keys', keyInput);
  const affiliateId = async () => (await makeAffiliate(live)).id;
  const link = async () => {
    const offerId = (await makeOffer(live)).id;
    return (await makeLink(live, { affiliateId: await affiliateId(), offerId })).id;
  };
  const sourceInput = { kind: 'stripe', signingSecrets: [secrets.signing] };
  const endpointInput = () => ({
    url: closed,
    headers: { 'X-Token': secrets.header },
    secret: secrets.endpoint,
  });
  const endpointId = () => id('/webhook-endpoints', endpointInput());
  const sale = async (affiliate?: string): Promise<{ conversionId: string; commissionId: string; orderId: string }> => {
    const orderId = `audit-${(numbers += 1)}`;
    const body = { affiliateId: affiliate ?? (await affiliateId()), amount: 100, orderId };
    const conversionId = (await live.post('/conversions', body)).body.data.conversionId as string;
    return { conversionId, commissionId: conversionId.replace('cnv_', 'com_'), orderId };
  };
  const payable = async (): Promise<string> => {
    const affiliate = await affiliateId();
    const { commissionId } = await sale(affiliate);
    await live.patch(`/commissions/${commissionId}`, { status: 'approved' });
    return affiliate;
  };
  const payout = async () => id('/payouts', { affiliateId: await payable(), currency: 'USD' });
  const raw = (method: string, path: string, body?: object) =>
    new ApiClient(hub.url, liveKey).call(method, `/${path}`, { body });
  return {
    'POST /api/v1/programs': { action: 'program.created', call: () => admin.post('/programs', { name: 'Another' }) },
    'PATCH /api/v1/programs/:id': {
      action: 'program.updated',
      call: () => admin.patch(`/programs/${programId}`, { name: 'Renamed' }),
    },
    'PATCH /api/v1/program': {
      action: 'program.updated',
      call: () => live.patch('/program', { holdDays: 0, companyName: 'Acme' }),
    },
    'POST /api/v1/programs/:id/api-keys': {
      action: 'api_key.created',
      call: () => admin.post(`/programs/${programId}/api-keys`, keyInput),
    },
    'PATCH /api/v1/programs/:id/api-keys/:keyId': {
      action: 'api_key.updated',
      call: async () => admin.patch(`/programs/${programId}/api-keys/${await keyId()}`, { name: 'other' }),
    },
    'DELETE /api/v1/programs/:id/api-keys/:keyId': {
      action: 'api_key.revoked',
      call: async () => admin.delete(`/programs/${programId}/api-keys/${await keyId()}`),
    },
    'POST /api/v1/api-keys': { action: 'api_key.created', call: () => live.post('/api-keys', keyInput) },
    'PATCH /api/v1/api-keys/:keyId': {
      action: 'api_key.updated',
      call: async () => live.patch(`/api-keys/${await keyId()}`, { allowedCidrs: ['127.0.0.0/8'] }),
    },
    'DELETE /api/v1/api-keys/:keyId': {
      action: 'api_key.revoked',
      call: async () => live.delete(`/api-keys/${await keyId()}`),
    },
    'POST /api/v1/affiliates': {
      action: 'affiliate.created',
      call: () => live.post('/affiliates', { displayName: 'A', email: 'a@example.com' }),
    },
    'PATCH /api/v1/affiliates/:id': {
      action: 'affiliate.updated',
      call: async () => live.patch(`/affiliates/${await affiliateId()}`, { status: 'banned', couponCodes: [] }),
    },
    'POST /api/v1/offers': {
      action: 'offer.created',
      call: () =>
        live.post('/offers', { name: 'O', url: 'https://shop.example/', commission: { type: 'cpa', amountMinor: 5 } }),
    },
    'PATCH /api/v1/offers/:id': {
      action: 'offer.updated',
      call: async () => live.patch(`/offers/${(await makeOffer(live)).id}`, { commission: { rateBps: 5 } }),
    },
    'POST /api/v1/tracking-links': {
      action: 'tracking_link.created',
      call: async () => live.post('/tracking-links', { affiliateId: await affiliateId() }),
    },
    'PATCH /api/v1/tracking-links/:id': {
      action: 'tracking_link.updated',
      call: async () => live.patch(`/tracking-links/${await link()}`, { status: 'paused' }),
    },
    'POST /api/v1/conversions/:id/refunds': {
      action: 'conversion.refunded',
      call: async () => live.post(`/conversions/${(await sale()).conversionId}/refunds`, { amountMinor: 100 }),
    },
    'PATCH /api/v1/commissions/:id': {
      action: 'commission.rejected',
      call: async () =>
        live.patch(`/commissions/${(await sale()).commissionId}`, { status: 'rejected', reason: 'fraud' }),
    },
    'POST /api/v1/commissions/decisions': {
      action: 'commission.approved',
      call: async () => live.post('/commissions/decisions', { ids: [(await sale()).commissionId], status: 'approved' }),
    },
    'POST /api/v1/adjustments': {
      action: 'adjustment.created',
      call: async () =>
        live.post('/adjustments', {
          affiliateId: await affiliateId(),
          amountMinor: 500,
          currency: 'USD',
          reason: 'bonus',
        }),
    },
    'POST /api/v1/conversions/:id/corrections': {
      action: 'conversion.corrected',
      call: async () =>
        live.post(`/conversions/${(await sale()).conversionId}/corrections`, { amountMinor: 9_000, reason: 'agreed' }),
    },
    'POST /api/v1/customers/:id/binding': {
      action: 'customer.bound',
      call: async () => {
        const customerId = `audit-customer-${(numbers += 1)}`;
        await live.post('/conversions', {
          affiliateId: await affiliateId(),
          amount: 1,
          orderId: customerId,
          customerId,
        });
        return live.post(`/customers/${customerId}/binding`, { affiliateId: await affiliateId(), reason: 'moved' });
      },
    },
    'POST /api/v1/payouts/batches': {
      action: 'payout.created',
      call: async () => live.post('/payouts/batches', { currency: 'USD', affiliateIds: [await payable()] }),
    },
    'PATCH /api/v1/payouts/batches/:id': {
      action: 'payout.failed',
      call: async () => {
        const batch = await id('/payouts/batches', { currency: 'USD', affiliateIds: [await payable()] });
        return live.patch(`/payouts/batches/${batch}`, { status: 'failed' });
      },
    },
    'POST /api/v1/inbox-events/replays': {
      action: 'job.created',
      call: async () => {
        const { conversionId } = await sale();
        return live.post('/inbox-events/replays', { filter: { conversionId } });
      },
    },
    'POST /api/v1/messages/resends': {
      action: 'job.created',
      call: async () => {
        const endpoint = await id('/webhook-endpoints', { url: closed });
        await affiliateId();
        const { data } = (await live.get('/messages?limit=1')).body;
        return live.post('/messages/resends', { ids: [data[0].id], endpointId: endpoint });
      },
    },
    'POST /api/v1/payouts': {
      action: 'payout.created',
      call: async () => live.post('/payouts', { affiliateId: await payable(), currency: 'USD' }),
    },
    'PATCH /api/v1/payouts/:id': {
      action: 'payout.failed',
      call: async () => live.patch(`/payouts/${await payout()}`, { status: 'failed' }),
    },
    'POST /api/v1/sources': { action: 'source.created', call: () => live.post('/sources', sourceInput) },
    'PATCH /api/v1/sources/:id': {
      action: 'source.updated',
      call: async () =>
        live.patch(`/sources/${await id('/sources', { kind: 'revenuecat', authorization: 'before' })}`, {
          authorization: secrets.authorization,
        }),
    },
    'DELETE /api/v1/sources/:id': {
      action: 'source.deleted',
      call: async () => live.delete(`/sources/${await id('/sources', sourceInput)}`),
    },
    'POST /api/v1/inbox-events/:id/replay': {
      action: 'inbox_event.replayed',
      call: async () => {
        await sale();
        const { data } = (await live.get('/inbox-events?limit=1')).body;
        return live.post(`/inbox-events/${data[0].id}/replay`);
      },
    },
    'POST /api/v1/webhook-endpoints': {
      action: 'webhook_endpoint.created',
      call: () => live.post('/webhook-endpoints', endpointInput()),
    },
    'PATCH /api/v1/webhook-endpoints/:id': {
      action: 'webhook_endpoint.updated',
      call: async () => live.patch(`/webhook-endpoints/${await endpointId()}`, { headers: { 'X-Token': 'other' } }),
    },
    'DELETE /api/v1/webhook-endpoints/:id': {
      action: 'webhook_endpoint.deleted',
      call: async () => live.delete(`/webhook-endpoints/${await endpointId()}`),
    },
    'POST /api/v1/webhook-endpoints/:id/rotate-secret': {
      action: 'webhook_endpoint.secret_rotated',
      call: async () => live.post(`/webhook-endpoints/${await endpointId()}/rotate-secret`),
    },
    'POST /api/v1/webhook-endpoints/:id/recover': {
      action: 'recovery.created',
      call: async () =>
        live.post(`/webhook-endpoints/${await endpointId()}/recover`, { since: '2026-01-01T00:00:00Z' }),
    },
    'POST /api/v1/webhook-endpoints/:id/replay-missing': {
      action: 'recovery.created',
      call: async () =>
        live.post(`/webhook-endpoints/${await endpointId()}/replay-missing`, { since: new Date().toISOString() }),
    },
    'POST /api/v1/hooks': {
      action: 'webhook_endpoint.created',
      call: () => live.post('/hooks', { targetUrl: closed, eventType: 'affiliate.created' }),
    },
    'DELETE /api/v1/hooks/:id': {
      action: 'webhook_endpoint.deleted',
      call: async () => {
        const hook = { targetUrl: closed, eventType: 'affiliate.created' };
        return live.delete(`/hooks/${(await live.post('/hooks', hook)).body.id}`);
      },
    },
    'POST /api/v1/messages/:id/resend': {
      action: 'message.resent',
      call: async () => {
        const endpoint = await id('/webhook-endpoints', { url: closed });
        await affiliateId();
        const { data } = (await live.get('/messages?limit=1')).body;
        return live.post(`/messages/${data[0].id}/resend`, { endpointId: endpoint });
      },
    },
    'POST /attro/api/v1/affiliates': {
      action: 'affiliate.created',
      call: () =>
        raw('POST', '/attro/api/v1/affiliates', { displayName: 'A', email: 'attro@example.com', type: 'external' }),
    },
    'PATCH /attro/api/v1/affiliates/:id': {
      action: 'affiliate.updated',
      call: async () => raw('PATCH', `/attro/api/v1/affiliates/${await affiliateId()}`, { status: 'inactive' }),
    },
    'POST /attro/api/v1/offers': {
      action: 'offer.created',
      call: () =>
        raw('POST', '/attro/api/v1/offers', {
          name: 'O',
          url: 'https://shop.example/',
          defaultCommissionType: 'percentage',
          defaultCommissionValue: 10,
        }),
    },
    'PATCH /attro/api/v1/offers/:id': {
      action: 'offer.updated',
      call: async () => raw('PATCH', `/attro/api/v1/offers/${(await makeOffer(live)).id}`, { isActive: false }),
    },
    'POST /attro/api/v1/tracking-links': {
      action: 'tracking_link.created',
      call: async () =>
        raw('POST', '/attro/api/v1/tracking-links', {
          affiliateId: await affiliateId(),
          offerId: (await makeOffer(live)).id,
        }),
    },
    'PATCH /attro/api/v1/tracking-links/:id': {
      action: 'tracking_link.updated',
      call: async () =>
        raw('PATCH', `/attro/api/v1/tracking-links/${await link()}`, { customUrl: 'https://shop.example/other' }),
    },
    'POST /attro/api/v1/payouts': {
      action: 'payout.created',
      call: async () => raw('POST', '/attro/api/v1/payouts', { affiliateId: await payable(), currency: 'USD' }),
    },
    'PATCH /attro/api/v1/payouts/:id': {
      action: 'payout.paid',
      call: async () => raw('PATCH', `/attro/api/v1/payouts/${await payout()}`, { status: 'paid' }),
    },
    'POST /affitor/api/v1/track/refund': {
      action: 'conversion.refunded',
      call: async () => raw('POST', '/affitor/api/v1/track/refund', { transaction_id: (await sale()).orderId }),
    },
    'POST /affitor/api/tracking/refund': {
      action: 'conversion.refunded',
      call: async () => raw('POST', '/affitor/api/tracking/refund', { transaction_id: (await sale()).orderId }),
    },
    'POST /refgrow/v1/affiliates': {
      action: 'affiliate.created',
      call: () => raw('POST', '/refgrow/v1/affiliates', { name: 'A', email: 'refgrow@example.com' }),
    },
    'PUT /refgrow/v1/commissions/:id/status': {
      action: 'payout.paid',
      call: async () => raw('PUT', `/refgrow/v1/commissions/${(await sale()).commissionId}/status`, { status: 'paid' }),
    },
  };
}

/** A key with scopes of its own. */
export async function makeScopedKey(
  { admin, programId }: ApiProgram,
  scopes: readonly string[],
  more: object = {},
): Promise<string> {
  const body = { name: 'scoped', mode: 'live', scopes, ...more };
  const answer = await admin.post(`/programs/${programId}/api-keys`, body);
  assert.equal(answer.status, 201, answer.text);
  return answer.body.data.key as string;
}
