import { isIPv4, isIPv6 } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { Express } from 'express';
import ipaddr from 'ipaddr.js';

/** Whom a proxy may be believed: none, all, so many of them, or those at these addresses. */
export type TrustProxy = boolean | number | readonly string[];

/**
 * An address as proxies and sockets write it: with a port, in brackets, in quotes, with a zone, IPv4 inside IPv6. Null where
 * it is none (`unknown`, `_hidden`, a name).
 */
export function readAddress(text: string): string | null {
  const bare = text.trim().replace(/^"(.*)"$/, '$1');
  const [, bracketed] = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(bare) ?? [];
  const [, withPort] = /^([\d.]+):\d{1,5}$/.exec(bare) ?? [];
  const address = (bracketed ?? withPort ?? bare).replace(/%.*$/, '');
  if (isIPv4(address)) return address;
  return isIPv6(address) ? ipaddr.process(address).toString() : null;
}

/**
 * Whose request it is: from the socket on backwards through X-Forwarded-For, as long as it is a trusted proxy that says so.
 * What a proxy does not know ends the way there: the proxy's own address is the last that is sure. Null: the socket is closed.
 */
export function readClientAddress(
  { socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>,
  isTrusted: (address: string, hop: number) => boolean,
): string | null {
  let client = readAddress(socket.remoteAddress ?? '');
  if (client === null) return null;
  const forwarded = headers['x-forwarded-for'];
  const said = forwarded === undefined ? [] : String(forwarded).split(',').reverse();
  for (const [hop, text] of said.entries()) {
    if (!isTrusted(client, hop)) break;
    // Empty items are what a careless join leaves behind.
    if (text.trim() === '') continue;
    const address = readAddress(text);
    if (address === null) break;
    client = address;
  }
  return client;
}

const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Which hops of a request are believed about who stands behind them. */
export function compileTrust(trust: TrustProxy): (address: string, hop: number) => boolean {
  if (typeof trust === 'boolean') return () => trust;
  if (typeof trust === 'number') return (_address, hop) => hop < trust;
  return compileCidrs(trust.flatMap((item) => named[item] ?? item));
}

/** Whether a text is an address, or a network of them. */
export function isNetwork(text: string): boolean {
  return ipaddr.isValid(text) || ipaddr.isValidCIDR(text);
}

/** Whether all addresses of a network (an address or a CIDR) are in one of others. Text that is neither is in none. */
export function isWithin(network: string, others: readonly string[]): boolean {
  return rangesOf([network]).some(([start, bits]) =>
    rangesOf(others).some(([range, most]) => range.kind() === start.kind() && bits >= most && start.match(range, most)),
  );
}

/** Matches addresses and CIDRs; an IPv4 address may arrive mapped into IPv6, or with a port. Text that is neither matches nothing. */
export function compileCidrs(cidrs: readonly string[]): (address: string) => boolean {
  const ranges = rangesOf(cidrs);
  return (text) => {
    const read = readAddress(text);
    if (read === null) return false;
    const address = ipaddr.parse(read);
    return ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits));
  };
}

function rangesOf(cidrs: readonly string[]): Range[] {
  return cidrs.flatMap((cidr) => {
    if (ipaddr.isValidCIDR(cidr)) return [unmap(ipaddr.parseCIDR(cidr))];
    if (!ipaddr.isValid(cidr)) return [];
    const address = ipaddr.process(cidr);
    return [[address, address.kind() === 'ipv4' ? 32 : 128] as Range];
  });
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** `::ffff:10.0.0.0/104` is `10.0.0.0/8`. */
function unmap([range, bits]: Range): Range {
  const isMapped = range instanceof ipaddr.IPv6 && range.isIPv4MappedAddress() && bits >= 96;
  return isMapped ? [range.toIPv4Address(), bits - 96] : [range, bits];
}

/** `req.ip` of every request of an app becomes what `readClientAddress` says: the one reading that limits, clicks and logs share. */
export function readAddressesOf(app: Express, trust: TrustProxy): void {
  const isTrusted = compileTrust(trust);
  app.set('trust proxy', (address: string, hop: number) => {
    const read = readAddress(address);
    return read !== null && isTrusted(read, hop);
  });
  Object.defineProperty(app.request, 'ip', {
    configurable: true,
    enumerable: true,
    get(this: IncomingMessage): string | undefined {
      return readClientAddress(this, isTrusted) ?? undefined;
    },
  });
}
