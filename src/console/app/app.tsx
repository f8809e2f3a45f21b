import { useQuery } from '@tanstack/react-query';
import { Suspense, type ReactNode } from 'react';
import { Link, Redirect, Route, Switch, useRoute } from 'wouter';
import { callConsole } from './call.ts';
import { Frame } from './frame.tsx';
import { loadScreen } from './load-screen.ts';
import { Failure } from './parts/failure.tsx';
import { InPlace } from './place.tsx';
import { SignIn } from './sign-in.tsx';
import type { Mode, Session } from './types.ts';

const Home = loadScreen(() => import('./screens/home.tsx'));
const Inbox = loadScreen(() => import('./screens/inbox.tsx'));
const Orders = loadScreen(() => import('./screens/orders.tsx'));
const Webhooks = loadScreen(() => import('./screens/webhooks.tsx'));
const Commissions = loadScreen(() => import('./screens/commissions.tsx'));
const Payouts = loadScreen(() => import('./screens/payouts.tsx'));
const LookUp = loadScreen(() => import('./screens/look-up.tsx'));
const Sources = loadScreen(() => import('./screens/sources.tsx'));
const NewSource = loadScreen(() => import('./screens/new-source.tsx'));
const Affiliates = loadScreen(() => import('./screens/affiliates.tsx'));
const Offers = loadScreen(() => import('./screens/offers.tsx'));
const Links = loadScreen(() => import('./screens/links.tsx'));
const Settings = loadScreen(() => import('./screens/settings.tsx'));
const Health = loadScreen(() => import('./screens/health.tsx'));

/** Who is signed in, and which screen an address shows. */
export function App(): ReactNode {
  const session = useQuery({
    queryKey: ['session'],
    queryFn: () => callConsole<{ data: Session | null }>('/session').then(({ data }) => data),
    staleTime: 60_000,
  });
  if (session.data) return <Signed session={session.data} />;
  if (session.error) return <Failure error={session.error} again={() => void session.refetch()} />;
  return session.data === null ? <SignIn /> : null;
}

function Signed({ session }: { session: Session }): ReactNode {
  const [isPlaced, params] = useRoute('/:program/:mode/*?');
  const [first] = session.programs;
  if (!first) return <NoProgram />;
  const home = `/${first.id}/${session.mode ?? 'live'}/home`;
  if (!isPlaced || (params.mode !== 'live' && params.mode !== 'test')) return <Redirect to={home} replace />;
  const program = session.programs.find(({ id }) => id === params.program);
  if (!program || (session.mode !== null && session.mode !== params.mode)) {
    return <NotHere home={home} />;
  }
  return (
    <InPlace session={session} program={program} mode={params.mode satisfies Mode}>
      <Frame>
        <Suspense fallback={<p className="quiet">Loading …</p>}>
          <Switch>
            <Route path="/:program/:mode/home" component={Home} />
            <Route path="/:program/:mode/inbox/:id?" component={Inbox} />
            <Route path="/:program/:mode/orders/:id?" component={Orders} />
            <Route path="/:program/:mode/webhooks/:id?/:part?/:item?" component={Webhooks} />
            <Route path="/:program/:mode/commissions/:id?" component={Commissions} />
            <Route path="/:program/:mode/payouts/:id?" component={Payouts} />
            <Route path="/:program/:mode/look-up" component={LookUp} />
            <Route path="/:program/:mode/sources/new/:kind?" component={NewSource} />
            <Route path="/:program/:mode/sources/:id?" component={Sources} />
            <Route path="/:program/:mode/affiliates/:id?/:part?" component={Affiliates} />
            <Route path="/:program/:mode/offers/:id?/:part?" component={Offers} />
            <Route path="/:program/:mode/links/:id?/:part?" component={Links} />
            <Route path="/:program/:mode/settings/:part?/:id?/:change?" component={Settings} />
            {session.role === 'owner' && <Route path="/:program/:mode/health" component={Health} />}
            <Route>
              <NotHere home={home} />
            </Route>
          </Switch>
        </Suspense>
      </Frame>
    </InPlace>
  );
}

function NoProgram(): ReactNode {
  return (
    <main className="alone">
      <h1>There is no program yet</h1>
      <p>
        Make one with the admin token: <code>POST /api/v1/programs</code>, or{' '}
        <code>npx tributary program create NAME</code>.
      </p>
    </main>
  );
}

function NotHere({ home }: { home: string }): ReactNode {
  return (
    <main className="alone">
      <h1>There is nothing here</h1>
      <p>This address leads nowhere, or to a program or a mode that whoever is signed in does not see.</p>
      <p>
        <Link href={home}>Go to the start page</Link>
      </p>
    </main>
  );
}
