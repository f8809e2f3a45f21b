import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { callConsole } from './call.ts';
import { KeyboardHelp } from './keyboard-help.tsx';
import { useKeys } from './keyboard.ts';
import { useOnline } from './online.ts';
import { useAddress, usePlace } from './place.tsx';
import { SearchBox } from './search-box.tsx';
import { ThemeChoice } from './theme.tsx';
import type { Mode } from './types.ts';
import { ZoneChoice } from './zone.tsx';

/** The screens, in the order of the menu, each with the key that leads there after `g`. */
const everybodysScreens = [
  { path: '/home', title: 'Home', letter: 'h' },
  { path: '/inbox', title: 'Inbox', letter: 'i' },
  { path: '/orders', title: 'Orders', letter: 'o' },
  { path: '/look-up', title: 'Look-up', letter: 'l' },
  { path: '/commissions', title: 'Commissions', letter: 'c' },
  { path: '/payouts', title: 'Payouts', letter: 'p' },
  { path: '/affiliates', title: 'Affiliates', letter: 'a' },
  { path: '/offers', title: 'Offers', letter: 'f' },
  { path: '/links', title: 'Links', letter: 'n' },
  { path: '/sources', title: 'Sources', letter: 's' },
  { path: '/webhooks', title: 'Webhooks', letter: 'w' },
  { path: '/settings', title: 'Settings', letter: 't' },
] as const;

/** Of the whole hub, which is the owner's. */
const ownersScreens = [{ path: '/health', title: 'Health', letter: 'e' }] as const;

/** What stands around every screen: where one is, the menu, search. */
export function Frame({ children }: { children: ReactNode }): ReactNode {
  const { mode, session } = usePlace();
  const screens = session.role === 'owner' ? [...everybodysScreens, ...ownersScreens] : everybodysScreens;
  const address = useAddress();
  const [here, navigate] = useLocation();
  const [isSearching, setSearching] = useState(false);
  const [isHelping, setHelping] = useState(false);
  const isOnline = useOnline();
  useKeys({
    '/': () => setSearching(true),
    'ctrl+k': () => setSearching(true),
    '?': () => setHelping(true),
    ...Object.fromEntries(screens.map(({ path, letter }) => [`g ${letter}`, () => navigate(address(path))])),
  });
  return (
    <div className="frame" data-mode={mode}>
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="top">
        <Link href={address('/home')} className="brand">
          Tributary
        </Link>
        <Where />
        <button type="button" className="search-open" onClick={() => setSearching(true)}>
          Search <kbd>/</kbd>
        </button>
        <span className="push" />
        <ZoneChoice />
        <ThemeChoice />
        <SignOut />
      </header>
      {mode === 'test' && (
        <p className="test-band" role="note">
          TEST
        </p>
      )}
      {!isOnline && (
        <p className="away" role="alert">
          The hub cannot be reached. What you typed is kept; this page tries again by itself.
        </p>
      )}
      <nav className="side" aria-label="Screens">
        <ul>
          {screens.map(({ path, title }) => (
            <li key={path}>
              <Link href={address(path)} aria-current={here.startsWith(address(path)) ? 'page' : undefined}>
                {title}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <main id="page" className="page" tabIndex={-1}>
        {children}
      </main>
      <SearchBox isOpen={isSearching} close={() => setSearching(false)} />
      <KeyboardHelp
        isOpen={isHelping}
        close={() => setHelping(false)}
        screens={screens.map(({ title, letter }) => ({ title, keys: `g ${letter}` }))}
      />
    </div>
  );
}

/** Program and mode. A key has one of each; the owner chooses. */
function Where(): ReactNode {
  const { session, program, mode } = usePlace();
  const [, navigate] = useLocation();
  const goTo = (programId: string, to: Mode): void => navigate(`/${programId}/${to}/home`);
  return (
    <>
      {session.programs.length > 1 ? (
        <select aria-label="Program" value={program.id} onChange={(event) => goTo(event.target.value, mode)}>
          {session.programs.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        <span className="where">{program.name}</span>
      )}
      {session.mode === null ? (
        <select aria-label="Mode" value={mode} onChange={(event) => goTo(program.id, event.target.value as Mode)}>
          <option value="live">live</option>
          <option value="test">test</option>
        </select>
      ) : (
        <span className="where quiet">{mode}</span>
      )}
    </>
  );
}

function SignOut(): ReactNode {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const signOut = async (): Promise<void> => {
    // What asks again and again stops first: it would ask as nobody.
    queries.setQueryData(['session'], null);
    await queries.cancelQueries({ predicate: isOfProgram });
    navigate('/');
    try {
      await callConsole('/session', { method: 'DELETE' });
    } finally {
      queries.removeQueries({ predicate: isOfProgram });
      await queries.invalidateQueries({ queryKey: ['session'] });
    }
  };
  return (
    <button type="button" className="plain" onClick={() => void signOut()}>
      Sign out
    </button>
  );
}

/** All that is kept but who is signed in. */
function isOfProgram({ queryKey }: { queryKey: readonly unknown[] }): boolean {
  return queryKey[0] !== 'session';
}
