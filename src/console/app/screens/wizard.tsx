import type { ReactNode } from 'react';
import { Copy } from '../parts/values.tsx';

/** One step of a page that has them all. What comes before it is done first. */
export function Step({
  title,
  isReady,
  children,
}: {
  title: string;
  isReady: boolean;
  children: ReactNode;
}): ReactNode {
  return (
    <li className={isReady ? '' : 'not-yet'}>
      <h2>{title}</h2>
      {isReady ? children : <p className="quiet">After the step before.</p>}
    </li>
  );
}

/** Something to paste elsewhere. */
export function ToPaste({ label, text }: { label: string; text: string }): ReactNode {
  return (
    <div className="to-paste">
      <code>{text}</code>
      <Copy text={text} label={`Copy ${label}`}>
        Copy
      </Copy>
    </div>
  );
}

/** So many random bytes, in hex: by no chance to be guessed. */
export function randomText(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
