import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type BrowserContextOptions } from 'playwright-core';
import { findProgram } from './apt.ts';

/** Debian's Chromium, or whichever is there; see `findProgram`. */
export function findChromium(): Promise<string> {
  return findProgram(['chromium', 'chromium-browser', 'google-chrome'], {
    package: 'chromium',
    message:
      'The tests of the browser scripts need Chromium. Install it and run them again:\n' +
      '  sudo apt-get install -y chromium     (or: brew install --cask chromium, apk add chromium, dnf install chromium)',
  });
}

/** A headless browser that has never been anywhere. Every host of `.test` is this machine. */
export async function openBrowser(): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  const profile = await makeProfile();
  const context = await openProfile(profile.home);
  return {
    context,
    async close() {
      await context.close();
      await profile.remove();
    },
  };
}

/** What a browser keeps of its visitor, for as long as it is wanted. */
export async function makeProfile(): Promise<{ home: string; remove: () => Promise<void> }> {
  const home = await mkdtemp(join(tmpdir(), 'tributary-chromium-'));
  return { home, remove: () => rm(home, { recursive: true, force: true }) };
}

/** A headless browser with a profile, which goes on with what the one before kept there. */
export async function openProfile(home: string, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return await chromium.launchPersistentContext(home, {
    ...options,
    executablePath: await findChromium(),
    headless: true,
    chromiumSandbox: false,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP *.test 127.0.0.1',
    ],
  });
}
