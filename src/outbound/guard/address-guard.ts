import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Config } from '../../process/config.ts';
import { findRefusedName, isRefusedPort } from './refused-destinations.ts';

export interface GuardOptions {
  /** CIDRs that may be called although they are not public, by plain http too (OUTBOUND_ALLOW_CIDRS). */
  allowCidrs: readonly string[];
  /** Plain http to public addresses (OUTBOUND_ALLOW_HTTP). */
  allowHttp: boolean;
  /** Our own address; its host and port together are refused. */
  publicUrl: string;
  /** How names become addresses; the system's resolver unless a test brings its own. */
  resolve?: (hostname: string) => Promise<LookupAddress[]>;
}

export type UrlCheck = { ok: true; url: URL } | { ok: false; problem: string };

/** Decides where the hub may send to. A URL is checked when it is set, and its addresses again at each connect. */
export interface AddressGuard {
  /** What the text alone tells. Names are not resolved. */
  checkUrl(text: string): UrlCheck;
  /** The text, and the addresses where the name resolves now; a name that does not resolve passes, to be checked at connect. */
  checkDestination(text: string): Promise<UrlCheck>;
  /** Throws AddressRefusedError where the host is an address that is refused; a name passes. */
  assertLiteralAllowed(hostname: string, protocol: string): void;
  /** The addresses to connect to. Throws AddressRefusedError where any of them is refused, DNS errors as they are. */
  resolveAllowed(hostname: string, protocol: string): Promise<LookupAddress[]>;
}

export class AddressRefusedError extends Error {
  readonly code = 'ADDRESS_REFUSED';
}

/** The guard as the configuration sets it. */
export function openAddressGuard(
  config: Pick<Config, 'outboundAllowCidrs' | 'outboundAllowHttp' | 'publicUrl'>,
): AddressGuard {
  const { outboundAllowCidrs: allowCidrs, outboundAllowHttp: allowHttp, publicUrl } = config;
  return createAddressGuard({ allowCidrs, allowHttp, publicUrl });
}

const MAX_URL_LENGTH = 2_048;

export function createAddressGuard(options: GuardOptions): AddressGuard {
  const allowed = options.allowCidrs.map((cidr) => ipaddr.parseCIDR(cidr));
  const hub = new URL(options.publicUrl);
  const resolve = shareLookups(options.resolve ?? ((hostname) => lookup(hostname, { all: true })));

  function isOpened(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
    return allowed.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  }

  /** Why this address may not be called by this protocol, or null. */
  function refuseAddress(text: string, protocol: string): string | null {
    if (!ipaddr.isValid(text)) return `resolves to '${text}', which is no address`;
    const address = ipaddr.process(text);
    if (isOpened(address)) return null;
    if (!isPublic(address)) return `points to ${address.toString()}, which is not a public address`;
    if (protocol !== 'https:' && !options.allowHttp) return 'must start with https://';
    return null;
  }

  function checkUrl(text: string): UrlCheck {
    const url = parseUrl(text);
    if (!url) return refuse('must be a URL such as https://example.com/webhooks');
    if (url.username !== '' || url.password !== '') return refuse('must not carry a user name or password');
    const host = bareHost(url.hostname);
    if (host === bareHost(hub.hostname) && portOf(url) === portOf(hub)) return refuse('points to this hub itself');
    const name = findRefusedName(host, allowed.length > 0);
    if (name) return refuse(`points to ${name}, which is not a public name`);
    if (isRefusedPort(portOf(url))) return refuse(`uses port ${portOf(url)}, which belongs to another service`);
    // Whether a name is within the opened addresses is known once it is resolved.
    const problem = isIP(host) === 0 ? null : refuseAddress(host, url.protocol);
    if (problem) return refuse(problem);
    if (isIP(host) === 0 && url.protocol !== 'https:' && !options.allowHttp && allowed.length === 0) {
      return refuse('must start with https://');
    }
    return { ok: true, url };
  }

  function assertAllowed(hostname: string, address: string, protocol: string): void {
    const problem = refuseAddress(address, protocol);
    if (problem) throw new AddressRefusedError(`${hostname} ${problem}`);
  }

  function assertLiteralAllowed(hostname: string, protocol: string): void {
    const host = bareHost(hostname);
    if (isIP(host) !== 0) assertAllowed(hostname, host, protocol);
  }

  async function resolveAllowed(hostname: string, protocol: string): Promise<LookupAddress[]> {
    const addresses = await resolve(bareHost(hostname));
    for (const { address } of addresses) assertAllowed(hostname, address, protocol);
    return addresses;
  }

  async function checkDestination(text: string): Promise<UrlCheck> {
    const check = checkUrl(text);
    if (!check.ok) return check;
    if (isIP(bareHost(check.url.hostname)) !== 0) return check;
    try {
      const addresses = await within(CREATION_LOOKUP_MS, resolve(bareHost(check.url.hostname)));
      const problem = addresses.map(({ address }) => refuseAddress(address, check.url.protocol)).find(Boolean);
      return problem ? refuse(problem) : check;
    } catch {
      // Unknown today is no reason to refuse, but where http needs an opened address there has to be one.
      return check.url.protocol === 'https:' || options.allowHttp ? check : refuse('must start with https://');
    }
  }

  return { checkUrl, checkDestination, assertLiteralAllowed, resolveAllowed };
}

/** Whoever sets a URL is not kept waiting by a name server that does not answer. */
const CREATION_LOOKUP_MS = 2_000;

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(() => timer.reject(new Error(`not within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([work, timer.promise]);
  } finally {
    clearTimeout(timeout);
  }
}

/** getaddrinfo runs on four threads: a dead name server must not take them all, so one name is looked up once at a time. */
function shareLookups(resolve: (hostname: string) => Promise<LookupAddress[]>): typeof resolve {
  const underWay = new Map<string, Promise<LookupAddress[]>>();
  return (hostname) => {
    const known = underWay.get(hostname);
    if (known) return known;
    const found = resolve(hostname).finally(() => underWay.delete(hostname));
    underWay.set(hostname, found);
    return found;
  };
}

/** WHATWG parsing turns decimal, octal and hex hosts into the address that they are. */
function parseUrl(text: string): URL | null {
  if (text.length > MAX_URL_LENGTH || hasControlOrSpace(text)) return null;
  const url = URL.parse(text);
  return url && (url.protocol === 'https:' || url.protocol === 'http:') ? url : null;
}

/** The parser would drop or trim these silently. */
function hasControlOrSpace(text: string): boolean {
  return /[\s\p{Cc}]/u.test(text);
}

/** Without the brackets of IPv6 and without the root's dot. */
function bareHost(hostname: string): string {
  return hostname
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.+$/, '')
    .toLowerCase();
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

const globalUnicast = ipaddr.parseCIDR('2000::/3');

// Azure's host services answer on an address that is public by its number.
const deniedAddresses = new Set(['168.63.129.16']);

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast' || deniedAddresses.has(address.toString())) return false;
  return address.kind() === 'ipv4' || address.match(globalUnicast);
}

function refuse(problem: string): UrlCheck {
  return { ok: false, problem };
}
