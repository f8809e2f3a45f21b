import type { ReactNode } from 'react';
import type { KeyScope } from '../../../domain/key-scopes.ts';
import { usePlace } from '../place.tsx';

type Resource = KeyScope extends infer S ? (S extends `${infer R}:read` ? R : never) : never;

/** What there is to be read and written, in words; the compiler asks for those that are missing. */
const resources: Readonly<Record<Resource, string>> = {
  adjustments: 'Adjustments',
  affiliates: 'Affiliates',
  'api-keys': 'API keys',
  'audit-events': 'Audit log',
  balances: 'Balances',
  clicks: 'Clicks',
  commissions: 'Commissions, reviews',
  conversions: 'Conversions',
  corrections: 'Corrections',
  customers: 'Customers',
  events: 'Events',
  exports: 'Exports',
  imports: 'Imports',
  inbox: 'Inbox',
  jobs: 'Jobs',
  links: 'Links',
  offers: 'Offers',
  payouts: 'Payouts',
  program: 'Program',
  refunds: 'Refunds',
  search: 'Search, look-up',
  sources: 'Sources',
  stats: 'Statistics',
  'test-sessions': 'Test sessions',
  webhooks: 'Webhooks, postbacks',
};

/** Which of them a new key may do; those alone that whoever makes it may do themselves. */
export function ScopeFields({
  chosen,
  set,
}: {
  chosen: ReadonlySet<string>;
  set: (to: Set<string>) => void;
}): ReactNode {
  const { scopes } = usePlace().session;
  const toggle = (scope: string): void => {
    const next = new Set(chosen);
    if (!next.delete(scope)) next.add(scope);
    set(next);
  };
  return (
    <fieldset className="scopes">
      <legend>Scopes</legend>
      <table>
        <thead>
          <tr>
            <th scope="col">Of</th>
            <th scope="col">Read</th>
            <th scope="col">Write</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(resources).map(([resource, title]) => (
            <tr key={resource}>
              <th scope="row">{title}</th>
              {(['read', 'write'] as const).map((verb) => {
                const scope = `${resource}:${verb}`;
                return (
                  <td key={verb}>
                    <input
                      type="checkbox"
                      aria-label={scope}
                      checked={chosen.has(scope)}
                      disabled={scopes !== null && !scopes.includes(scope)}
                      onChange={() => toggle(scope)}
                    />
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </fieldset>
  );
}
