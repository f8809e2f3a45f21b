/** Names of the local machine. */
const ownNames = new Set([
  'localhost',
  'localhost.localdomain',
  'localhost4',
  'localhost6',
  'ip6-localhost',
  'ip6-loopback',
  'loopback',
  'broadcasthost',
]);

/** Names of metadata services, which give a cloud's credentials to any request from inside. */
const metadataNames = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data']);

/** Zones that exist in private networks only. */
const privateZones = ['local', 'localdomain', 'internal', 'intranet', 'lan', 'home', 'corp', 'private', 'home.arpa'];

/**
 * The host, if its name is to be refused, else null. Where addresses were opened on purpose, names of private networks
 * pass here and are judged by their addresses. Names of the local machine and of metadata services never pass.
 */
export function findRefusedName(host: string, addressesOpened: boolean): string | null {
  if (host === '') return "''";
  if (ownNames.has(host) || host.endsWith('.localhost') || metadataNames.has(host)) return host;
  if (addressesOpened) return null;
  return privateZones.some((zone) => host === zone || host.endsWith(`.${zone}`)) ? host : null;
}

/** Well-known ports of other services: an HTTP request to them could be used to give them commands. */
const refusedPorts = new Set(
  [
    // What browsers refuse (https://fetch.spec.whatwg.org/#port-blocking, read 2026-11).
    '0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123',
    '135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993',
    '995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080',
    // Databases, queues, caches, remote control, orchestration.
    '88 138 445 873 1433 1521 1883 2181 2375 2376 2379 2380 3268 3306 3389 4369 5432 5433 5671 5672 5900 5984 5985',
    '5986 6379 6380 6432 6443 8500 8883 9042 9092 9160 9200 9300 10250 10255 11211 11434 16379 26379 27017 27018',
    '27019 28015',
  ].flatMap((line) => line.split(' ').map(Number)),
);

export function isRefusedPort(port: number): boolean {
  return refusedPorts.has(port);
}
