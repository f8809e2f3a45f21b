import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { ChangeButton } from '../parts/change-button.tsx';
import { Id, Moment, Pairs } from '../parts/values.tsx';
import { useAddress, useMay, useMayChange, usePlace } from '../place.tsx';
import type { ApiKey } from '../types.ts';

/** One key: what it may do, from where, until when, and how often. */
export function KeyDetail({ of: key }: { of: ApiKey }): ReactNode {
  const address = useAddress();
  const { rateLimits, allowedCidrs } = key;
  const mayRead = useMay('audit-events:read');
  return (
    <>
      <Actions of={key} />
      <Pairs
        of={[
          ['Key', <code key="display">{key.display}…</code>],
          ['Mode', key.mode],
          ['May', key.access ?? 'what its scopes name'],
          ['Last used', key.lastUsedAt ? <Moment key="used" at={key.lastUsedAt} /> : 'never'],
          ['Works until', key.expiresAt ? <Moment key="end" at={key.expiresAt} /> : 'no end'],
          ['Works from', allowedCidrs && allowedCidrs.length > 0 ? allowedCidrs.join(', ') : 'anywhere'],
          ['Calls a minute', rateLimits ? limitsInWords(rateLimits) : 'the usual limits'],
          ['Created', <Moment key="created" at={key.createdAt} />],
          ['Id', <Id key="id" id={key.id} whole />],
        ]}
      />
      {mayRead && (
        <p className="actions">
          <Link href={address(`/settings/audit?actorId=${key.id}`)}>What was done with it</Link>
          <Link href={address(`/settings/audit?objectId=${key.id}`)}>Changes of it</Link>
        </p>
      )}
      <h3>Scopes</h3>
      <ul className="scope-names">
        {key.scopes.map((scope) => (
          <li key={scope}>
            <code>{scope}</code>
          </li>
        ))}
      </ul>
    </>
  );
}

function limitsInWords({ reads, writes, conversions }: NonNullable<ApiKey['rateLimits']>): string {
  return [
    reads === undefined ? [] : `${reads} reads`,
    writes === undefined ? [] : `${writes} writes`,
    conversions === undefined ? [] : `${conversions} conversions`,
  ]
    .flat()
    .join(', ');
}

function Actions({ of: { id, name, mode } }: { of: ApiKey }): ReactNode {
  const address = useAddress();
  const { session } = usePlace();
  const [, navigate] = useLocation();
  if (!useMayChange('api-keys:write', mode === 'live')) return null;
  return (
    <div className="actions">
      <Link href={address(`/settings/keys/${id}/change`)} className="button">
        Change
      </Link>
      <ChangeButton
        path={`/api-keys/${id}`}
        body={null}
        act="Revoke"
        question={`Revoke ${name}?`}
        done={() => navigate(address('/settings/keys'))}
      >
        <p>It stops working everywhere within five seconds. A revoked key cannot be brought back.</p>
        {session.keyName === name && (
          <p>You are signed in by a key of this name: if it is this one, it signs you out.</p>
        )}
      </ChangeButton>
    </div>
  );
}
