import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useAddress } from '../place.tsx';
import type { Setup } from '../types.ts';

const steps: readonly { name: keyof Setup; title: string; what: string; act: string; to: string }[] = [
  {
    name: 'offer',
    title: 'Say what a sale pays',
    what: 'An offer has the terms: a percentage, a fixed amount, or a share of every renewal.',
    act: 'Make an offer',
    to: '/offers',
  },
  {
    name: 'affiliate',
    title: 'Add an affiliate',
    what: 'They get a link and a code of their own. You may start with yourself.',
    act: 'Add an affiliate',
    to: '/affiliates',
  },
  {
    name: 'source',
    title: 'Connect where your sales come from',
    what: 'Stripe, RevenueCat, a tracker, or your own server with an API key.',
    act: 'Connect a source',
    to: '/sources/new',
  },
  {
    name: 'testSale',
    title: 'Try it with a test sale',
    what: 'A test click is followed to a commission. It earns nothing, and shows that all is wired up.',
    act: 'Send one from a source',
    to: '/sources',
  },
  {
    name: 'webhook',
    title: 'Have your own systems told',
    what: 'A webhook for every commission, payout and affiliate. You can do without.',
    act: 'Add a webhook',
    to: '/webhooks',
  },
];

/** Of a new program: what is done, and the next step. Gone once all is done. */
export function FirstSteps({ setup }: { setup: Setup }): ReactNode {
  const address = useAddress();
  const next = steps.find(({ name }) => !setup[name].done);
  if (!next) return null;
  const done = steps.filter(({ name }) => setup[name].done).length;
  return (
    <section aria-labelledby="first-steps" className="first-steps">
      <h2 id="first-steps">
        First steps{' '}
        <span className="quiet">
          {done} of {steps.length} done
        </span>
      </h2>
      <ol>
        {steps.map(({ name, title, what, act, to }) => (
          <li
            key={name}
            className={setup[name].done ? 'done' : ''}
            aria-current={name === next.name ? 'step' : undefined}
          >
            <span aria-hidden="true">{setup[name].done ? '✓' : '○'}</span>
            <div>
              {title}
              <span className="hidden">{setup[name].done ? ': done' : ': to do'}</span>
              {name === next.name && (
                <p>
                  {what} <Link href={address(to)}>{act}</Link>
                </p>
              )}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
