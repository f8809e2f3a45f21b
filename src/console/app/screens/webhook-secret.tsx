import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { Copy } from '../parts/values.tsx';
import { useAddress } from '../place.tsx';

/** Shown this once: the hub never tells it again. */
export function NewSecret({ secret }: { secret: string | null }): ReactNode {
  const address = useAddress();
  if (secret === null) return null;
  return (
    <section className="why" aria-label="The signing secret">
      <p className="verdict">The signing secret, which is shown this once:</p>
      <p>
        <code>{secret}</code>
      </p>
      <p className="actions">
        <Copy text={secret} label="Copy the secret">
          Copy
        </Copy>
        <Link href={address('/webhooks/catalogue')}>How a signature is verified</Link>
      </p>
    </section>
  );
}
