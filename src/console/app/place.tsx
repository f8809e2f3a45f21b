import { createContext, useCallback, useContext, useMemo, type ReactNode } from 'react';
import type { Where } from './call.ts';
import type { Mode, Program, Session } from './types.ts';

/** Where whoever looks is: a program and a mode. */
export interface Place {
  session: Session;
  program: Program;
  mode: Mode;
}

const PlaceContext = createContext<Place | null>(null);

export function InPlace({ session, program, mode, children }: Place & { children: ReactNode }): ReactNode {
  const place = useMemo(() => ({ session, program, mode }), [session, program, mode]);
  return <PlaceContext value={place}>{children}</PlaceContext>;
}

export function usePlace(): Place {
  const place = useContext(PlaceContext);
  if (!place) throw new Error('a screen stands outside of any program');
  return place;
}

/** In which program and mode the API is asked. */
export function useWhere(): Where {
  const { program, mode } = usePlace();
  return useMemo(() => ({ programId: program.id, mode }), [program.id, mode]);
}

/** The address of a screen of this program and mode: `/inbox` is `/prg_…/live/inbox`. */
export function useAddress(): (path: string) => string {
  const { program, mode } = usePlace();
  return useCallback((path: string) => `/${program.id}/${mode}${path}`, [program.id, mode]);
}

/** Whether whoever is signed in may do what a scope stands for. */
export function useMay(scope: string): boolean {
  const { scopes } = usePlace().session;
  return scopes === null || scopes.includes(scope);
}

/** Whether they may change this: from within test mode, what is live cannot be. */
export function useMayChange(scope: string, livemode: boolean): boolean {
  const { mode } = usePlace();
  return useMay(scope) && (mode === 'live' || !livemode);
}
