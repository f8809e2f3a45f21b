import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { call } from '../call.ts';
import { wordsOf } from '../formats.ts';
import { Failure } from '../parts/failure.tsx';
import { Money } from '../parts/values.tsx';
import { useAddress, useMay, usePlace, useWhere } from '../place.tsx';
import type { NewTestSession, SourceDetail, SourceTest, TestSession } from '../types.ts';
import { kindWords } from './source-words.ts';

interface Sent {
  click: NewTestSession;
  message: SourceTest;
}

/** A test click, and a message that names it: followed until somebody earns. Nothing of it is live. */
export function FollowTest({ source }: { source: SourceDetail }): ReactNode {
  const where = useWhere();
  const address = useAddress();
  const queries = useQueryClient();
  const maySend = useMay('sources:write');
  const mayClick = useMay('test-sessions:write');
  const test = useMutation({
    mutationFn: async (): Promise<Sent | null> => {
      const offers = await call<{ data: { id: string }[] }>('/offers', {
        query: { status: 'published', limit: 1 },
        where,
      });
      const [offer] = offers.data;
      if (!offer) return null;
      const body = { offerId: offer.id };
      const click = await call<{ data: NewTestSession }>('/test-sessions', { method: 'POST', where, body });
      const message = await call<{ data: SourceTest }>(`/sources/${source.ref}/test`, {
        method: 'POST',
        where,
        body: { clickId: click.data.testClickId },
      });
      return { click: click.data, message: message.data };
    },
    onSuccess: () => queries.invalidateQueries(),
  });
  if (!maySend || !mayClick) return null;
  return (
    <div className="follow">
      <p>
        The hub makes a test click, sends itself a {kindWords[source.kind]} message of an order of 10.00 that names it,
        and follows both. Nobody earns by it.
      </p>
      <p className="actions">
        <button type="button" disabled={test.isPending} onClick={() => test.mutate()}>
          {test.data ? 'Send another test' : 'Send a test'}
        </button>
      </p>
      {test.error && <Failure error={test.error} />}
      {test.data === null && (
        <p role="status">
          There is no published offer yet, so nothing says what a sale pays.{' '}
          <Link href={address('/offers')}>Make an offer</Link> first.
        </p>
      )}
      {test.data && <Followed sent={test.data} />}
    </div>
  );
}

function Followed({ sent: { click, message } }: { sent: Sent }): ReactNode {
  const { session, program, mode } = usePlace();
  const followed = useOne<TestSession>(`/test-sessions/${click.sessionToken}`, { everyMs: 1_000 });
  const [conversion] = followed.data?.conversions ?? [];
  const commission = conversion?.commission ?? null;
  const problem = message.error ?? followed.data?.validation.problem ?? null;
  const isSeen = mode === 'test' || session.mode === null;
  const steps = [
    { title: 'A test click was made', isDone: true, what: <code>{click.testClickId}</code> },
    {
      title: 'The message was taken',
      isDone: problem === null,
      what: problem ?? wordsOf(message.outcome ?? message.status),
    },
    {
      title: 'It became an order',
      isDone: conversion !== undefined,
      what:
        conversion === undefined ? null : (
          <>
            <Money minor={conversion.amountMinor} currency={conversion.currency} />{' '}
            {isSeen ? <Link href={`/${program.id}/test/orders/${conversion.id}`}>Open it</Link> : 'in test mode'}
          </>
        ),
    },
    {
      title: 'Somebody would earn',
      isDone: commission !== null,
      what:
        commission === null ? null : (
          <>
            <Money minor={commission.amountMinor} currency={commission.currency} />, {wordsOf(commission.status)}
          </>
        ),
    },
  ];
  return (
    <ol className="checklist" role="status" aria-label="The test, step by step">
      {steps.map(({ title, isDone, what }) => (
        <li key={title} className={isDone ? 'ok' : 'not_reached'}>
          <span aria-hidden="true">{isDone ? '✓' : '·'}</span>
          <strong>{title}</strong>
          <span>{what ?? 'not yet'}</span>
        </li>
      ))}
    </ol>
  );
}
