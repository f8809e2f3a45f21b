import { useCallback, useEffect, useRef } from 'react';
import type { AroundNavHandler } from 'wouter';

/** The forms that hold something which is saved nowhere, each with its address. */
const unsaved = new Map<object, string>();

function mayLeave(): boolean {
  return unsaved.size === 0 || window.confirm('Leave without saving? What you typed is lost.');
}

function isHere(to: string): boolean {
  return new URL(to, location.href).pathname === location.pathname;
}

/** Stands around every step from screen to screen. Filters may change beside an open form: it stays where it is. */
export const askBeforeLeaving: AroundNavHandler = (navigate, to, options) => {
  if (isHere(to) || mayLeave()) navigate(to, options);
};

// Back and forward: the browser has left already when it tells. This listens before any screen does, since it does so when the
// file is loaded: whoever stays is led back before a screen hears of it.
window.addEventListener('popstate', (event) => {
  const [here] = unsaved.values();
  if (here === undefined || isHere(here) || mayLeave()) return;
  event.stopImmediatePropagation();
  history.pushState(null, '', here);
});

/** While something is unsaved, leaving asks: by a link, back and forward, and by closing the page. Call what it gives once it is saved. */
export function useUnsaved(isUnsaved: boolean): () => void {
  const form = useRef({});
  useEffect(() => {
    if (!isUnsaved) return undefined;
    const self = form.current;
    const close = (event: BeforeUnloadEvent): void => event.preventDefault();
    unsaved.set(self, location.href);
    window.addEventListener('beforeunload', close);
    return () => {
      unsaved.delete(self);
      window.removeEventListener('beforeunload', close);
    };
  }, [isUnsaved]);
  return useCallback(() => {
    unsaved.delete(form.current);
  }, []);
}
