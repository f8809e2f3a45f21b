import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { call } from './call.ts';
import { wordsOf } from './formats.ts';
import { Dialog } from './parts/dialog.tsx';
import { Failure } from './parts/failure.tsx';
import { useAddress, useWhere } from './place.tsx';
import type { SearchHit } from './types.ts';

interface Props {
  isOpen: boolean;
  close: () => void;
}

/** One box for everything: ids, codes, e-mails, names. */
export function SearchBox({ isOpen, close }: Props): ReactNode {
  return (
    <Dialog isOpen={isOpen} close={close} title="Search">
      <Inside close={close} />
    </Dialog>
  );
}

function Inside({ close }: { close: () => void }): ReactNode {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const asked = useDeferredValue(text.trim());
  const where = useWhere();
  const address = useAddress();
  const [, navigate] = useLocation();
  const { data: hits = [], error } = useQuery({
    queryKey: [where.programId, where.mode, 'search', asked],
    queryFn: ({ signal }) =>
      call<{ data: SearchHit[] }>('/search', { query: { q: asked }, where, signal }).then(({ data }) => data),
    enabled: asked !== '',
    placeholderData: (before) => before,
  });
  const whyAddress = `${address('/look-up')}?q=${encodeURIComponent(asked)}`;
  const targets = [...hits.map((hit) => addressOf(hit, where.programId)), ...(asked === '' ? [] : [whyAddress])];
  const go = (target: string | undefined): void => {
    if (target === undefined) return;
    navigate(target);
    close();
  };
  return (
    <>
      <input
        type="search"
        aria-label="What to look for"
        placeholder="An id, a code, an e-mail, a name"
        value={text}
        data-focus
        role="combobox"
        aria-expanded={targets.length > 0}
        aria-controls="search-hits"
        aria-activedescendant={targets.length > 0 ? `hit-${at}` : undefined}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') go(targets[at]);
          else if (event.key === 'ArrowDown') setAt(Math.min(targets.length - 1, at + 1));
          else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1));
          else return;
          event.preventDefault();
        }}
      />
      {error && <Failure error={error} />}
      <div id="search-hits" role="listbox" aria-label="Found" className="hits">
        {hits.map((hit, index) => (
          <Link
            key={`${hit.kind} ${hit.id}`}
            id={`hit-${index}`}
            role="option"
            aria-selected={index === at}
            href={targets[index] ?? ''}
            onClick={close}
            tabIndex={-1}
          >
            <span className="kind">{wordsOf(hit.kind)}</span>
            <bdi>{hit.title}</bdi>
            <code>{hit.id}</code>
            {hit.mode !== where.mode && <span className="state none">{hit.mode}</span>}
          </Link>
        ))}
        {asked !== '' && (
          <Link
            id={`hit-${hits.length}`}
            role="option"
            aria-selected={at === hits.length}
            href={whyAddress}
            onClick={close}
            tabIndex={-1}
          >
            <span className="kind">why?</span> Ask why “{asked}” earned what it earned, or nothing
          </Link>
        )}
      </div>
    </>
  );
}

const screenOf: Readonly<Record<SearchHit['kind'], (id: string) => string>> = {
  conversion: (id) => `/orders/${id}`,
  adjustment: (id) => `/look-up?q=${encodeURIComponent(id)}`,
  customer: (id) => `/look-up?q=${encodeURIComponent(id)}`,
  click: (id) => `/look-up?q=${encodeURIComponent(id)}`,
  affiliate: (id) => `/affiliates/${id}`,
  offer: (id) => `/offers/${id}`,
  link: (id) => `/links/${id}`,
  source: (id) => `/sources/${id}`,
  endpoint: (id) => `/webhooks/${id}`,
  payout: (id) => `/payouts/${id}`,
  message: (id) => `/webhooks/deliveries?messageId=${id}`,
  inbox_event: (id) => `/inbox/${id}`,
};

function addressOf({ kind, id, mode }: SearchHit, programId: string): string {
  return `/${programId}/${mode}${screenOf[kind](id)}`;
}
