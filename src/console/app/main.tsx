import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Router } from 'wouter';
import { App } from './app.tsx';
import { base } from './base.ts';
import { CallError } from './call.ts';
import { askBeforeLeaving } from './unsaved.ts';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the hub said is not asked again; whether it can be reached is.
      retry: (failures, error) => !(error instanceof CallError) && failures < 3,
      // The hub may be on this very machine: what the browser thinks of the internet says nothing.
      networkMode: 'always',
      staleTime: 5_000,
      refetchOnWindowFocus: true,
    },
    mutations: { networkMode: 'always' },
  },
});

const root = document.querySelector('#app');
if (root) {
  root.className = '';
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <Router base={base} aroundNav={askBeforeLeaving}>
          <App />
        </Router>
      </QueryClientProvider>
    </StrictMode>,
  );
}
