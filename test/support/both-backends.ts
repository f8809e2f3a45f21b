import { describe } from 'node:test';
import { testServices } from './services.ts';

export type TestBackend = 'postgres' | 'redis';

/** Runs a suite once on each queue backend: `forEachBackend((backend) => { test('…', …) })`. */
export function forEachBackend(suite: (backend: TestBackend) => void): void {
  for (const backend of ['postgres', 'redis'] as const) describe(`on ${backend}`, () => suite(backend));
}

/** The environment that chooses a backend. */
export function backendEnvironment(backend: TestBackend): { REDIS_URL: string } {
  return { REDIS_URL: backend === 'redis' ? testServices().redisUrl : '' };
}
