import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useOne } from '../ask.ts';
import { call } from '../call.ts';
import { formatCount } from '../formats.ts';
import { useKeys } from '../keyboard.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { Copy, Id, Moment, Pairs } from '../parts/values.tsx';
import { useAddress, useMay, useWhere } from '../place.tsx';
import type { SourceDetail as Detail } from '../types.ts';
import { LiveLine } from './live-line.tsx';
import { Refusals } from './source-refusals.tsx';
import { SourceSettings } from './source-settings.tsx';
import { FollowTest } from './source-test.tsx';
import { kindWords, nameOf } from './source-words.ts';

/** One source: whether it is alive, what it turned away, and how it is set. */
export function SourceDetail({ id, back }: { id: string; back: string }): ReactNode {
  const source = useOne<Detail>(`/sources/${id}`, { everyMs: 10_000 });
  useKeys({ c: () => void navigator.clipboard.writeText(id) });
  return (
    <Drawer title={source.data ? nameOf(source.data) : 'Source'} back={back}>
      {source.error && <Failure error={source.error} again={() => void source.refetch()} />}
      {source.isPending && <p className="quiet">Loading …</p>}
      {source.data && <Inside source={source.data} back={back} />}
    </Drawer>
  );
}

function Inside({ source, back }: { source: Detail; back: string }): ReactNode {
  const address = useAddress();
  const may = useMay('sources:write');
  const [isGoing, setGoing] = useState(false);
  return (
    <>
      <Pairs
        of={[
          ['Kind', kindWords[source.kind]],
          ['Address', <Address key="address" source={source} />],
          ['Last event', <Moment key="last" at={source.lastEventAt} />],
          [
            'Events, 24 h',
            <Link key="events" href={`${address('/inbox')}?sourceId=${source.ref}`}>
              {formatCount(source.events24h)}
            </Link>,
          ],
          ['Failed, 24 h', formatCount(source.failed24h)],
          ['Refused, 24 h', formatCount(source.refused24h)],
          ['Traffic', source.livemode ? 'each message says itself whether it is a test' : 'test only'],
          ['Named', <Id key="ref" id={source.ref} whole />],
          ['Since', <Moment key="since" at={source.createdAt} />],
        ]}
      />
      {/* What is being deleted is not asked for any more. */}
      {!isGoing && (
        <Tabs
          label="Parts of the source"
          tabs={[
            { title: 'Live', show: () => <LiveLine source={source} /> },
            {
              title: `Refused (${formatCount(source.refused24h)})`,
              show: () => <Refusals source={source} />,
            },
            ...(may
              ? [
                  { title: 'Test', show: () => <FollowTest source={source} /> },
                  { title: 'Settings', show: () => <SourceSettings key={source.ref} source={source} /> },
                ]
              : []),
            ...(source.requiredEvents.length === 0
              ? []
              : [{ title: 'Events', show: () => <RequiredEvents source={source} /> }]),
          ]}
        />
      )}
      {may && <Close source={source} back={back} setGoing={setGoing} />}
    </>
  );
}

function Address({ source: { url, postbackUrl } }: { source: Detail }): ReactNode {
  const shown = postbackUrl ?? url;
  if (shown === null || shown === undefined) {
    return <span className="quiet">it opens the source: shown to keys that may change sources</span>;
  }
  return (
    <span className="id">
      <code>{shown}</code>
      <Copy text={shown} label="Copy the address" />
    </span>
  );
}

/** What to switch on at the sender. */
export function RequiredEvents({ source: { kind, requiredEvents } }: { source: Detail }): ReactNode {
  return (
    <>
      <p className="actions">
        <span>To switch on at {kindWords[kind]}:</span>
        <Copy text={requiredEvents.join('\n')} label="Copy the events">
          Copy
        </Copy>
      </p>
      <ul className="words">
        {requiredEvents.map((event) => (
          <li key={event}>
            <code>{event}</code>
          </li>
        ))}
      </ul>
    </>
  );
}

interface CloseProps {
  source: Detail;
  back: string;
  setGoing: (isGoing: boolean) => void;
}

function Close({ source, back, setGoing }: CloseProps): ReactNode {
  const where = useWhere();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [isAsking, setAsking] = useState(false);
  const close = useMutation({
    mutationFn: () => call(`/sources/${source.ref}`, { method: 'DELETE', where }),
    onMutate: () => {
      setGoing(true);
      return queries.cancelQueries();
    },
    onError: () => setGoing(false),
    onSuccess: () => {
      navigate(back);
      return queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey.includes('rows') });
    },
  });
  return (
    <p className="actions">
      <button type="button" onClick={() => setAsking(true)}>
        Delete the source
      </button>
      <Confirm
        isOpen={isAsking}
        title="Delete this source?"
        act="Delete"
        isBusy={close.isPending}
        error={close.error}
        close={() => setAsking(false)}
        confirm={() => close.mutate()}
      >
        <p>
          What its address gets is turned away from now on, and the address never comes back. What came by it before
          stays.
        </p>
      </Confirm>
    </p>
  );
}
