import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

const folder = new URL('../../migrations/', import.meta.url);
const files = readdirSync(folder).toSorted();

/**
 * SHA-256 of each migration that databases in the field have run; a release adds its own. They stay as they were to the
 * byte, comments too: a file that one of those names may stand elsewhere by now.
 */
const frozen: Readonly<Record<string, string>> = {
  '001_programs.ts': '30352595f4d83107241a8c8a6524ed80541c3ba006940bbf34c93777337dc637',
  '002_inbox_and_ledger.ts': 'a483aed65f50d645a820f30aff76c366c2d641c5b7d0fb5df5cbc36b4ad43d21',
  '003_outbound.ts': '627ddc841222430a6935d3623c7e20dd7728dd94fc25f9ecbdda7645553aa63e',
  '004_payouts.ts': 'e4f9d2b88fa5dfbb6c0ee7c7510daf51047aa8241791f13c1b687e68ed274126',
  '005_affitor.ts': '1d4e5da5cbae4f037765e9992460317e78dd242b8c06e2da7a4a15a2c77f1bd5',
  '006_rollups.ts': '4f5605a6f7ebdd2da7441a93af73df56968c08151899ed8873617a4fad9b9c19',
};

describe('migrations', () => {
  for (const [file, hash] of Object.entries(frozen)) {
    test(`${file} is what databases in the field have run`, () => {
      assert.equal(
        createHash('sha256')
          .update(readFileSync(new URL(file, folder)))
          .digest('hex'),
        hash,
        `${file} was changed, and no database that has run it would run it again. Put it back ` +
          `(git checkout 4f642b4 -- migrations/${file}) and make the change in a new migration, which takes the next number`,
      );
    });
  }

  test('are numbered one after the other, the new ones after those in the field', () => {
    const numbers = files.map((file) => /^(\d{3})_[a-z_]+\.ts$/.exec(file)?.[1]);
    assert.deepEqual(
      numbers,
      files.map((_, index) => String(index + 1).padStart(3, '0')),
    );
    assert.deepEqual(files.slice(0, Object.keys(frozen).length), Object.keys(frozen));
  });
});
