import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Config } from '../../process/config.ts';
import { inTime } from '../../process/in-time.ts';
import { findRefusedName, isRefusedPort } from './refused-destinations.ts';

export interface GuardOptions {
  /** Networks that may be called although they are not public, by plain http too (OUTBOUND_ALLOW_CIDRS). */
  allowCidrs: readonly string[];
  /** Allows plain http to public addresses (OUTBOUND_ALLOW_HTTP). */
  allowHttp: boolean;
  /** The hub's own address; a URL with its host and port is refused. */
  publicUrl: string;
  /** The system's resolver, unless a test brings its own. */
  resolve?: (hostname: string) => Promise<LookupAddress[]>;
}

export type UrlCheck = { ok: true; url: URL } | { ok: false; problem: string };

/** Decides where the hub may send to. A URL is checked when it is set, and its addresses again at each connect. */
export interface AddressGuard {
  /** Judges the text alone, without resolving names. */
  checkUrl(text: string): UrlCheck;
  /** Judges the text and the addresses. A name that does not resolve now passes: it is checked again at connect. */
  checkDestination(text: string): Promise<UrlCheck>;
  /** Throws AddressRefusedError where the host is a refused address. A name passes. */
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
  return new PublicAddressGuard(options);
}

class PublicAddressGuard implements AddressGuard {
  readonly #opened: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];
  readonly #allowHttp: boolean;
  readonly #hub: URL;
  readonly #resolve: (hostname: string) => Promise<LookupAddress[]>;

  constructor(options: GuardOptions) {
    this.#opened = options.allowCidrs.map((cidr) => ipaddr.parseCIDR(cidr));
    this.#allowHttp = options.allowHttp;
    this.#hub = new URL(options.publicUrl);
    this.#resolve = shareLookups(options.resolve ?? ((hostname) => lookup(hostname, { all: true })));
  }

  checkUrl(text: string): UrlCheck {
    const url = parseUrl(text);
    if (!url) return refuse('must be a URL such as https://example.com/webhooks');
    if (url.username !== '' || url.password !== '') return refuse('must not carry a user name or password');
    const host = bareHost(url.hostname);
    if (this.#isHub(url)) return refuse('points to this hub itself');
    const name = findRefusedName(host, this.#opened.length > 0);
    if (name) return refuse(`points to ${name}, which is not a public name`);
    if (isRefusedPort(portOf(url))) return refuse(`uses port ${portOf(url)}, which belongs to another service`);
    const problem = isIP(host) === 0 ? this.#refuseName(url) : this.#refuseAddress(host, url.protocol);
    return problem ? refuse(problem) : { ok: true, url };
  }

  async checkDestination(text: string): Promise<UrlCheck> {
    const check = this.checkUrl(text);
    if (!check.ok) return check;
    const host = bareHost(check.url.hostname);
    if (isIP(host) !== 0) return check;
    try {
      const addresses = await inTime(CREATION_LOOKUP_MS, this.#resolve(host));
      const problem = addresses.map(({ address }) => this.#refuseAddress(address, check.url.protocol)).find(Boolean);
      return problem ? refuse(problem) : check;
    } catch {
      // A name may begin to resolve later; but plain http needs an opened address, and this name has none yet.
      return this.#allowsProtocol(check.url.protocol) ? check : refuse('must start with https://');
    }
  }

  assertLiteralAllowed(hostname: string, protocol: string): void {
    const host = bareHost(hostname);
    if (isIP(host) !== 0) this.#assertAllowed(hostname, host, protocol);
  }

  async resolveAllowed(hostname: string, protocol: string): Promise<LookupAddress[]> {
    const addresses = await this.#resolve(bareHost(hostname));
    for (const { address } of addresses) this.#assertAllowed(hostname, address, protocol);
    return addresses;
  }

  #assertAllowed(hostname: string, address: string, protocol: string): void {
    const problem = this.#refuseAddress(address, protocol);
    if (problem) throw new AddressRefusedError(`${hostname} ${problem}`);
  }

  #isHub(url: URL): boolean {
    return bareHost(url.hostname) === bareHost(this.#hub.hostname) && portOf(url) === portOf(this.#hub);
  }

  /**
   * Why this name may not be called, or null. Whether it leads to an opened address is known only when it is resolved.
   */
  #refuseName({ protocol }: URL): string | null {
    return this.#allowsProtocol(protocol) || this.#opened.length > 0 ? null : 'must start with https://';
  }

  /** Why this address may not be called by this protocol, or null. */
  #refuseAddress(text: string, protocol: string): string | null {
    if (!ipaddr.isValid(text)) return `resolves to '${text}', which is no address`;
    const address = ipaddr.parse(text);
    // Nobody is reached by it who is not reached by the plain address, and lists of networks would have to name each
    // network twice. So OUTBOUND_ALLOW_CIDRS opens none of them either.
    if (isMapped(address)) {
      return `points to ${text}, which is not a public address: an IPv4 address written as IPv6`;
    }
    if (this.#isOpened(address)) return null;
    if (!isPublic(address)) return `points to ${address.toString()}, which is not a public address`;
    return this.#allowsProtocol(protocol) ? null : 'must start with https://';
  }

  #isOpened(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
    return this.#opened.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  }

  /** Whether public addresses may be called by this protocol. */
  #allowsProtocol(protocol: string): boolean {
    return protocol === 'https:' || this.#allowHttp;
  }
}

/** How long the request that sets a URL waits for the name server. */
const CREATION_LOOKUP_MS = 2_000;

/**
 * Node resolves names on four threads. So that one dead name server cannot take all, a name is looked up once at a
 * time.
 */
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

/** The WHATWG parser turns decimal, octal and hexadecimal hosts into plain addresses. */
function parseUrl(text: string): URL | null {
  if (text.length > MAX_URL_LENGTH || hasControlOrSpace(text)) return null;
  const url = URL.parse(text);
  return url && (url.protocol === 'https:' || url.protocol === 'http:') ? url : null;
}

/** The URL parser would remove these silently. */
function hasControlOrSpace(text: string): boolean {
  return /[\s\p{Cc}]/u.test(text);
}

/** Without the brackets of IPv6 and without a dot at the end. */
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

// Azure's host services, on an address from a public range.
const deniedAddresses = new Set(['168.63.129.16']);

/** `::ffff:a.b.c.d` (RFC 4291), in whichever spelling. */
function isMapped(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.range() === 'ipv4Mapped';
}

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast' || deniedAddresses.has(address.toString())) return false;
  return address.kind() === 'ipv4' || address.match(globalUnicast);
}

function refuse(problem: string): UrlCheck {
  return { ok: false, problem };
}
