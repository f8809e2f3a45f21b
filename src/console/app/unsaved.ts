import { useCallback, useEffect, useRef } from 'react';
import type { AroundNavHandler } from 'wouter';

/** The forms that hold something which is saved nowhere. */
const unsaved = new Set<object>();

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

/** While something is unsaved, leaving asks: by a link, back and forward, and by closing the page. Call what it gives once it is saved. */
export function useUnsaved(isUnsaved: boolean): () => void {
  const form = useRef({});
  useEffect(() => {
    if (!isUnsaved) return undefined;
    const self = form.current;
    const here = location.href;
    const close = (event: BeforeUnloadEvent): void => event.preventDefault();
    // The browser has left already when it tells. Ours is asked first, and leads back before any screen hears of it.
    const step = (event: PopStateEvent): void => {
      if (isHere(here) || mayLeave()) return;
      event.stopImmediatePropagation();
      history.pushState(null, '', here);
    };
    unsaved.add(self);
    window.addEventListener('beforeunload', close);
    window.addEventListener('popstate', step, true);
    return () => {
      unsaved.delete(self);
      window.removeEventListener('beforeunload', close);
      window.removeEventListener('popstate', step, true);
    };
  }, [isUnsaved]);
  return useCallback(() => {
    unsaved.delete(form.current);
  }, []);
}
