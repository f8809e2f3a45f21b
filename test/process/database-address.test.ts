import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { describeHosts, readDatabaseAddress } from '../../src/process/database-address.ts';

describe('an address of PostgreSQL', () => {
  test('names one host or several, IPv6, sockets and names with dashes', () => {
    const read = readDatabaseAddress(
      'postgres://hub:p%40ss:w@a:5432,b,[2001:db8::1]:6432/my-hub%20db?application_name=x',
    );
    assert.deepEqual(read.hosts, [
      { host: 'a', port: 5432 },
      { host: 'b', port: undefined },
      { host: '2001:db8::1', port: 6432 },
    ]);
    assert.deepEqual(
      [read.user, read.password, read.database, read.parameters],
      ['hub', 'p@ss:w', 'my-hub db', { application_name: 'x' }],
    );
    assert.deepEqual(readDatabaseAddress('postgresql:///db?host=/run/postgresql&port=5433').hosts, [
      { host: '/run/postgresql', port: 5433 },
    ]);
    assert.deepEqual(readDatabaseAddress('postgres://%2Frun%2Fpg/db').hosts, [{ host: '/run/pg', port: undefined }]);
    assert.deepEqual(readDatabaseAddress('postgres:///db').hosts, [{ host: undefined, port: undefined }]);
    assert.equal(describeHosts(read), 'a:5432, b, 2001:db8::1:6432');
  });

  test('of several hosts the one that takes writes is meant, unless said', () => {
    assert.equal(readDatabaseAddress('postgres://a/db').target, 'any');
    assert.equal(readDatabaseAddress('postgres://a,b/db').target, 'read-write');
    assert.equal(readDatabaseAddress('postgres://a,b/db?target_session_attrs=standby').target, 'standby');
  });

  test('TLS checks the certificate and the name, unless said', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-address-'));
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, 'the CA');
    const tlsOf = (query: string) => readDatabaseAddress(`postgres://a/db?${query}`).tls;
    const checks = (query: string) => {
      const tls = tlsOf(query);
      if (!tls) return tls;
      return [tls.rejectUnauthorized !== false, tls.checkServerIdentity === undefined, tls.ca ?? null];
    };
    try {
      assert.equal(checks(''), undefined);
      assert.equal(checks('sslmode=disable'), false);
      assert.deepEqual(checks('sslmode=require'), [true, true, null]);
      assert.deepEqual(checks(`sslmode=require&sslrootcert=${ca}`), [true, true, 'the CA']);
      assert.deepEqual(checks('sslmode=no-verify'), [false, true, null]);
      assert.deepEqual(checks('sslmode=require&uselibpqcompat=true'), [false, true, null]);
      assert.deepEqual(checks(`sslmode=require&uselibpqcompat=true&sslrootcert=${ca}`), [true, false, 'the CA']);
      assert.deepEqual(checks('sslmode=verify-full&uselibpqcompat=true'), [true, true, null]);
      assert.deepEqual(checks(`sslmode=verify-ca&sslrootcert=${ca}`), [true, false, 'the CA']);
      assert.deepEqual(checks('sslmode=verify-full'), [true, true, null]);
      assert.deepEqual(checks('sslmode=verify-full&sslrootcert=system'), [true, true, null]);
      assert.deepEqual(checks(`sslrootcert=${ca}`), [true, true, 'the CA']);
      assert.deepEqual(checks('ssl=true'), [true, true, null]);
      const client = tlsOf(`sslmode=require&sslcert=${ca}&sslkey=${ca}`);
      assert.deepEqual(client && [client.cert, client.key], ['the CA', 'the CA']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('what is wrong with it is said, and its password is not', () => {
    for (const [url, words] of [
      ['mysql://a/db', /must be a URL such as postgres:/],
      ['postgres://u:geheim@a:5432:5/db', /hosts must be host:port/],
      ['postgres://u:geheim@a:99999/db', /ports must be from 1 to 65535/],
      [
        'postgres://u:geheim@a,b/db?target_session_attrs=writable',
        /target_session_attrs must be one of any, read-write/,
      ],
      ['postgres://u:geheim@a/db?sslmode=always', /sslmode must be one of disable/],
      ['postgres://u:geheim@a/db?sslmode=require&sslrootcert=/no/such/file', /sslrootcert cannot be read: ENOENT/],
    ] as const) {
      assert.throws(
        () => readDatabaseAddress(url),
        (error: Error) => words.test(error.message) && !error.message.includes('geheim'),
        url,
      );
    }
  });
});
