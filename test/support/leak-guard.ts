import { after } from 'node:test';

/**
 * Loaded into every test file (run-all.ts). A file that left something open when its tests are over would hold up the
 * run for ever: it fails instead and says what is open.
 */
const GRACE_MS = 10_000;

after(() => {
  setTimeout(() => {
    console.error(
      `Still open ${GRACE_MS / 1000} s after the last test: ${process.getActiveResourcesInfo().join(', ')}`,
    );
    process.exit(1);
  }, GRACE_MS).unref();
});
