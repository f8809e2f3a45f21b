import { useEffect, useRef, type RefObject } from 'react';
import { useStored } from './stored.ts';

/** By keys: `r`, `/`, `ctrl+k`, or two after each other: `g i`. */
export type KeyActions = Readonly<Record<string, () => void>>;

/** The second of two keys has to come within so long. */
const SEQUENCE_MS = 1_200;

/** Single letters may be in the way of those who speak to their machine: they can be switched off. */
export function useSingleKeys(): [boolean, (on: boolean) => void] {
  const [stored, store] = useStored<'on' | 'off'>('single-keys', 'on');
  return [stored === 'on', (on) => store(on ? 'on' : 'off')];
}

interface Listener {
  actions: KeyActions;
  singleKeys: boolean;
}

/** All that listen now, the newest last. One of them takes a key: else `g c` would be `c` to a part that knows of no pairs. */
const listeners = new Set<RefObject<Listener>>();
let first: { key: string; at: number } | null = null;

/** Does what keys say while the component is there: never while somebody types, or a dialog is open. */
export function useKeys(actions: KeyActions): void {
  const [singleKeys] = useSingleKeys();
  const current = useRef({ actions, singleKeys });
  useEffect(() => {
    current.current = { actions, singleKeys };
  });
  useEffect(() => {
    listeners.add(current);
    window.addEventListener('keydown', listen);
    return () => {
      listeners.delete(current);
      if (listeners.size === 0) window.removeEventListener('keydown', listen);
    };
  }, []);
}

function listen(event: KeyboardEvent): void {
  const isChord = event.ctrlKey || event.metaKey;
  if (event.defaultPrevented || event.altKey || (!isChord && isTyping(event.target))) return;
  if (document.querySelector('dialog[open]')) return;
  // A button or a link that has the focus takes Enter itself.
  if (event.key === 'Enter' && event.target instanceof Element && event.target.matches('a, button, summary')) return;
  const key = isChord ? `ctrl+${event.key.toLowerCase()}` : event.key;
  const pair = first && event.timeStamp - first.at < SEQUENCE_MS ? actionOf(`${first.key} ${key}`, isChord) : undefined;
  first = pair ? null : { key, at: event.timeStamp };
  const act = pair ?? actionOf(key, isChord);
  if (!act) return;
  event.preventDefault();
  act();
}

function actionOf(keys: string, isChord: boolean): (() => void) | undefined {
  for (const { current } of [...listeners].toReversed()) {
    const act = isChord || current.singleKeys ? current.actions[keys] : undefined;
    if (act) return act;
  }
  return undefined;
}

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement && target.type === 'checkbox') return false;
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
