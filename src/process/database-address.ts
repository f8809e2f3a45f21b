import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

/** One server of several that may hold the database. What is not said is left to the driver (PGHOST, PGPORT, the defaults). */
export interface DatabaseHost {
  /** A name, an address, or the folder of a Unix socket. */
  host: string | undefined;
  port: number | undefined;
}

const targets = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;
export type TargetSession = (typeof targets)[number];

/** A PostgreSQL URL, understood as libpq does. */
export interface DatabaseAddress {
  hosts: [DatabaseHost, ...DatabaseHost[]];
  user: string | undefined;
  password: string | undefined;
  database: string | undefined;
  /** Which of the servers is meant; of several the one that takes writes, unless said. */
  target: TargetSession;
  /** Undefined: as PGSSLMODE says; false: plain. */
  tls: ConnectionOptions | false | undefined;
  /** All other parameters, for the driver. */
  parameters: Record<string, string>;
}

/**
 * The one place that reads an address of PostgreSQL. `URL` takes no list of hosts, so
 * `postgres://user:password@a:5432,b:5432/database?target_session_attrs=read-write` is taken apart here, as its manual has it:
 * https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING-URIS (read 2026-11).
 * Throws an error whose words say what is wrong with it, without quoting it: it holds a password.
 */
export function readDatabaseAddress(url: string): DatabaseAddress {
  const [, authority, path = '', query = ''] =
    /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(url.trim()) ?? [];
  if (authority === undefined) throw new Error('must be a URL such as postgres://user:password@host:5432/database');
  const at = authority.lastIndexOf('@');
  const [user = '', ...password] = at < 0 ? [] : authority.slice(0, at).split(':');
  const given = Object.fromEntries(new URLSearchParams(query));
  const { host, port, target_session_attrs: target, connect_timeout: _ours, ...others } = given;
  const { tls, parameters } = readTls(others);
  const hosts = readHosts(authority.slice(at + 1), host, port);
  return {
    hosts,
    user: decode(user) || others.user,
    password: decode(password.join(':')) || others.password,
    database: decode(path) || others.dbname,
    target: readTarget(target, hosts.length),
    tls,
    parameters,
  };
}

/** The hosts, for whoever reads a message: without user and password. */
export function describeHosts({ hosts }: DatabaseAddress): string {
  return hosts.map(({ host, port }) => `${host ?? 'localhost'}${port === undefined ? '' : `:${port}`}`).join(', ');
}

function readHosts(authority: string, host: string | undefined, port: string | undefined): DatabaseAddress['hosts'] {
  const ports = port?.split(',') ?? [];
  const [first, ...more] = (host ?? authority).split(',').map((item, index) => {
    const [, bracketed, plain, own] = /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d{0,5}))?$/.exec(item) ?? [];
    if (bracketed === undefined && plain === undefined) throw new Error('its hosts must be host:port, comma separated');
    return { host: bracketed ?? (decode(plain ?? '') || undefined), port: readPort(own || ports[index] || ports[0]) };
  });
  return [first ?? { host: undefined, port: undefined }, ...more];
}

function readPort(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error('its ports must be from 1 to 65535');
  return port;
}

function readTarget(given: string | undefined, hosts: number): TargetSession {
  if (given === undefined) return hosts > 1 ? 'read-write' : 'any';
  const target = targets.find((one) => one === given);
  if (!target) throw new Error(`its target_session_attrs must be one of ${targets.join(', ')}`);
  return target;
}

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/**
 * As the driver has had it for years: all modes check the server's certificate and name, but `verify-ca` (not the name) and
 * `no-verify`. To libpq `require` checks nothing where no CA is named; who means that says `uselibpqcompat=true`. `allow`
 * and `prefer` are `require`: a connection that was to be encrypted never goes on in plain text here.
 */
function readTls(given: Record<string, string>): { tls: DatabaseAddress['tls']; parameters: Record<string, string> } {
  const { ssl, sslmode, sslrootcert, sslcert, sslkey, sslpassword, uselibpqcompat, ...parameters } = given;
  if (sslmode !== undefined && !modes.includes(sslmode)) {
    throw new Error(`its sslmode must be one of ${modes.join(', ')}`);
  }
  const mode = sslmode ?? modeOf(ssl) ?? (sslrootcert || sslcert ? 'verify-full' : undefined);
  if (mode === undefined || mode === 'disable') return { tls: mode && false, parameters };
  const ca = readPem('sslrootcert', sslrootcert === 'system' ? undefined : sslrootcert);
  const tls: ConnectionOptions = {
    ...(ca && { ca }),
    ...(sslcert && { cert: readPem('sslcert', sslcert) }),
    ...(sslkey && { key: readPem('sslkey', sslkey) }),
    ...(sslpassword && { passphrase: sslpassword }),
  };
  const isWeak = uselibpqcompat === 'true' && mode !== 'verify-ca' && mode !== 'verify-full';
  if (mode === 'no-verify' || (isWeak && !ca)) tls.rejectUnauthorized = false;
  else if (mode === 'verify-ca' || isWeak) tls.checkServerIdentity = () => undefined;
  return { tls, parameters };
}

/** The driver's own word for it. */
function modeOf(ssl: string | undefined): string | undefined {
  if (ssl === undefined) return undefined;
  if (ssl === 'no-verify') return ssl;
  return ssl === 'true' || ssl === '1' ? 'verify-full' : 'disable';
}

function readPem(parameter: string, path: string | undefined): string | undefined {
  if (!path) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`its ${parameter} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
