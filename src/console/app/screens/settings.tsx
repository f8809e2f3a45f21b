import type { ReactNode } from 'react';
import { Link, useParams } from 'wouter';
import { useAddress, useMay } from '../place.tsx';
import { AuditLog } from './audit-log.tsx';
import { Keys } from './keys.tsx';
import { ProgramScreen } from './program.tsx';

/** The program itself, who may speak for it, and who changed what. */
export default function Settings(): ReactNode {
  const { part = 'program' } = useParams<{ part?: string }>();
  const address = useAddress();
  const parts = [
    { part: 'program', title: 'Program', path: '/settings', may: useMay('program:read') },
    { part: 'keys', title: 'API keys', path: '/settings/keys', may: useMay('api-keys:read') },
    { part: 'audit', title: 'Audit log', path: '/settings/audit', may: useMay('audit-events:read') },
  ].filter(({ may }) => may);
  return (
    <div className="with-parts">
      <nav aria-label="Settings" className="tabs">
        {parts.map((each) => (
          <Link key={each.part} href={address(each.path)} aria-current={each.part === part ? 'page' : undefined}>
            {each.title}
          </Link>
        ))}
      </nav>
      {parts.some((each) => each.part === part) ? (
        <Part part={part} />
      ) : (
        <p className="reading">There is nothing here, or it is not for whoever is signed in.</p>
      )}
    </div>
  );
}

function Part({ part }: { part: string }): ReactNode {
  if (part === 'keys') return <Keys />;
  return part === 'audit' ? <AuditLog /> : <ProgramScreen />;
}
