import { useEffect, useRef, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { useKeys } from '../keyboard.ts';

/** What is open beside a list; a page of its own where there is no room for both. Esc leads back to the list. */
export function Drawer({ title, back, children }: { title: ReactNode; back: string; children: ReactNode }): ReactNode {
  const [, navigate] = useLocation();
  const heading = useRef<HTMLHeadingElement>(null);
  const close = (): void => navigate(back + location.search);
  useKeys({ Escape: close });
  useEffect(() => heading.current?.focus({ preventScroll: true }), [title]);
  return (
    <section className="drawer" aria-label="Details">
      <header>
        <h2 ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <button type="button" className="plain" onClick={close} aria-label="Close the details">
          ✕
        </button>
      </header>
      {children}
    </section>
  );
}
