import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './apt.ts';

/** Paths of PEM files. */
export interface TestCertificates {
  ca: string;
  /** For 127.0.0.1 and localhost. */
  server: { cert: string; key: string };
  client: { cert: string; key: string };
  remove(): Promise<void>;
}

/** An authority of the tests' own, and what it signed: for a server, and for a client named `commonName`. */
export async function makeTestCertificates(commonName = 'client'): Promise<TestCertificates> {
  const openssl = await findProgram(['openssl'], {
    package: 'openssl',
    message: 'The tests need openssl. Install it and run them again:\n  sudo apt-get install -y openssl',
  });
  const home = await mkdtemp(join(tmpdir(), 'tributary-certificates-'));
  const make = (name: string, subject: string, more: string[]): { cert: string; key: string } => {
    const [cert, key] = [join(home, `${name}.crt`), join(home, `${name}.key`)];
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
    execFileSync(openssl, ['req', '-x509', ...newKey, '-out', cert, '-subj', `/CN=${subject}`, '-days', '2', ...more], {
      stdio: 'pipe',
    });
    return { cert, key };
  };
  const authority = make('ca', 'tests', []);
  const signed = ['-CA', authority.cert, '-CAkey', authority.key, '-addext', 'basicConstraints=critical,CA:FALSE'];
  return {
    ca: authority.cert,
    server: make('server', 'localhost', [...signed, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']),
    client: make('client', commonName, signed),
    remove: () => rm(home, { recursive: true, force: true }),
  };
}
