import { z } from 'zod';
import { AppError, found } from '../domain/errors.ts';
import { outcomes } from '../domain/outcomes.ts';
import { reference, word } from '../http/fields.ts';
import { sendTestMessage } from '../inbound/test-message.ts';
import { changeableBy } from '../program/principals.ts';
import { getSource } from '../program/sources.ts';
import { messageReason } from './conversion-schemas.ts';
import { one } from './pagination.ts';
import { defineRoute, type Route } from './route.ts';

const sentSchema = z
  .strictObject({
    inboxEventId: z.string(),
    livemode: z.literal(false),
    status: z.enum(['received', 'processed', 'ignored', 'unprocessable']).meta({
      description: 'received: it was not settled in time; the inbox event will tell',
    }),
    outcome: word(outcomes).nullable(),
    reason: messageReason.nullable(),
    error: z.string().nullable(),
    conversionId: z.string().nullable(),
  })
  .meta({ id: 'SourceTest' });
export type SourceTestView = z.output<typeof sentSchema>;

export const sourceTestRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/sources/:id/test',
    access: 'write',
    tag: 'Sources',
    summary: 'Send a source a test message',
    description:
      'An order of 10.00 in the form of its sender: signed, verified with the secrets of the source, read by its settings, ' +
      'stored and settled as test. Without a `clickId` nothing says who referred it (`parked`). What stands between ' +
      'the sender and the hub is not tried: the URL, the sender’s copy of a secret, an API key, `allowedCidrs`.',
    body: z.strictObject({
      clickId: reference.optional().meta({
        description: 'Of a test session, or of any click',
        example: 'test_018f2f3b5c7a7b1c8d2e3f4a5b6c7d8e',
      }),
    }),
    bodyOptional: true,
    status: 200,
    answer: one(sentSchema),
    handle: async (deps, { principal, reach, params, body, receivedAt }) => {
      const source = found(await getSource(deps.db, reach, params.id), 'Source');
      if (!changeableBy(principal).modes.includes(source.livemode)) {
        throw new AppError('INSUFFICIENT_PERMISSIONS', 'A test key tests sources that a test key made');
      }
      const sent = await sendTestMessage(deps, source, body.clickId ?? null, receivedAt);
      const { normalized } = sent.message;
      const { settled } = sent;
      const status = normalized.kind === 'facts' ? (settled === null ? 'received' : 'processed') : normalized.kind;
      return {
        data: {
          inboxEventId: sent.inboxEventId,
          livemode: false,
          status,
          outcome: settled?.outcome ?? (normalized.kind === 'facts' ? null : normalized.kind),
          reason: settled?.reason ?? (normalized.kind === 'ignored' ? normalized.reason : null),
          error: settled?.error ?? (normalized.kind === 'unprocessable' ? normalized.error : null),
          conversionId: settled?.conversion?.id ?? null,
        },
      };
    },
  }),
];
