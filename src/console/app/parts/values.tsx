import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { formatMoment, formatMoney, shortId, wordsOf } from '../formats.ts';
import { useAddress } from '../place.tsx';
import { useZone } from '../zone.tsx';

/** An amount, or a dash where there is none. */
export function Money({ minor, currency }: { minor: number | null; currency: string | null }): ReactNode {
  if (minor === null || currency === null) return <span className="quiet">—</span>;
  // Where it is narrow the amount goes under the currency.
  return <span className="number">{formatMoney(minor, currency).replace('\u00A0', ' ')}</span>;
}

/** An instant in the chosen time zone; as it was said when one points at it. */
export function Moment({ at }: { at: string | null }): ReactNode {
  const zone = useZone();
  if (at === null) return <span className="quiet">—</span>;
  return (
    <time dateTime={at} title={at}>
      {formatMoment(at, zone)}
    </time>
  );
}

const marks: Readonly<Record<string, { mark: string; tone: string }>> = {
  good: { mark: '✓', tone: 'good' },
  bad: { mark: '✕', tone: 'bad' },
  open: { mark: '◷', tone: 'open' },
  none: { mark: '·', tone: 'none' },
};

const tones: Readonly<Record<string, keyof typeof marks>> = {
  ok: 'good',
  processed: 'good',
  approved: 'good',
  paid: 'good',
  succeeded: 'good',
  active: 'good',
  completed: 'good',
  failing: 'bad',
  published: 'good',
  failed: 'bad',
  unprocessable: 'bad',
  rejected: 'bad',
  reversed: 'bad',
  banned: 'bad',
  exhausted: 'bad',
  unavailable: 'bad',
  received: 'open',
  pending: 'open',
  parked: 'open',
  running: 'open',
  queued: 'open',
  held: 'open',
  waiting: 'open',
  paused: 'open',
  degraded: 'open',
};

/** A state, by a mark and a word: never by colour alone. */
export function State({ is }: { is: string | null }): ReactNode {
  if (is === null) return <span className="quiet">—</span>;
  const { mark, tone } = marks[tones[is] ?? 'none'] as { mark: string; tone: string };
  return (
    <span className={`state ${tone}`}>
      <span aria-hidden="true">{mark}</span> {wordsOf(is)}
    </span>
  );
}

/** What something is called, and whether it serves test traffic only. */
export function Name({ name, isTest }: { name: string; isTest: boolean }): ReactNode {
  return (
    <>
      <bdi title={name}>{name}</bdi>
      {isTest && <span className="quiet"> · test</span>}
    </>
  );
}

/** An id that can be copied; a link where `to` says so. */
export function Id({ id, to, whole = false }: { id: string | null; to?: string; whole?: boolean }): ReactNode {
  const address = useAddress();
  if (id === null) return <span className="quiet">—</span>;
  const text = <code title={id}>{whole ? id : shortId(id)}</code>;
  return (
    <span className="id">
      {to === undefined ? text : <Link href={address(to)}>{text}</Link>}
      <Copy text={id} label={`Copy ${id}`} />
    </span>
  );
}

const COPIED_MS = 1_500;

export function Copy({ text, label, children }: { text: string; label: string; children?: ReactNode }): ReactNode {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <button
      type="button"
      className={children === undefined ? 'copy' : ''}
      aria-label={label}
      onClick={() => void copy()}
    >
      {isCopied ? '✓' : (children ?? <CopyIcon />)}
    </button>
  );
}

function CopyIcon(): ReactNode {
  return (
    <svg width="14" height="14" viewBox="0 0 14 14" fill="none" stroke="currentColor" aria-hidden="true">
      <rect x="1.5" y="4.5" width="8" height="8" rx="1.5" />
      <path d="M4.5 4.5v-1.5a1.5 1.5 0 0 1 1.5-1.5h5a1.5 1.5 0 0 1 1.5 1.5v5a1.5 1.5 0 0 1-1.5 1.5h-1.5" />
    </svg>
  );
}

/** Names and values, one under the other. */
export function Pairs({ of }: { of: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <dl className="pairs">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
