import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent, type ReactNode } from 'react';
import { callConsole } from './call.ts';
import type { Session } from './types.ts';

/** A key or the admin token, exchanged for a cookie that no script reads. */
export function SignIn(): ReactNode {
  const queries = useQueryClient();
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function signIn(body: { credential: unknown } | { link: string }): Promise<void> {
    setBusy(true);
    try {
      const { data } = await callConsole<{ data: Session }>('/session', { method: 'POST', body });
      queries.setQueryData(['session'], data);
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  }

  // A link signs in by itself; what it holds leaves the address at once.
  useEffect(() => {
    const follow = (): void => {
      const link = takeLink();
      if (link !== null) void signIn({ link });
    };
    follow();
    // Pasted into the address of a page that is open already.
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void signIn({ credential: new FormData(event.currentTarget).get('credential') });
  };

  return (
    <main className="alone">
      <h1>Tributary</h1>
      <form onSubmit={submit} className="stack">
        <label>
          API key or admin token
          <input
            name="credential"
            type="password"
            autoComplete="current-password"
            required
            maxLength={255}
            aria-describedby="sign-in-says"
            aria-invalid={problem !== null}
          />
        </label>
        <p
          id="sign-in-says"
          role={problem === null ? undefined : 'alert'}
          className={problem === null ? 'quiet' : 'bad'}
        >
          {problem ??
            'A key that may read sees its program, one that may write acts in it, and the admin token sees all programs. Only a cookie that scripts cannot read is kept.'}
        </p>
        <button type="submit" className="main" disabled={isBusy}>
          Sign in
        </button>
      </form>
    </main>
  );
}

/** What a sign-in link has behind its `#`; null: it is none. It works once, so it is taken once. */
function takeLink(): string | null {
  const link = /^#sign-in=([\w-]+)$/.exec(location.hash)?.[1] ?? null;
  if (link !== null) history.replaceState(null, '', location.pathname + location.search);
  return link;
}
