import { Command } from 'commander';
import { previewMigrations } from '../../audit/preview-migrations.ts';
import { createDatabase } from '../../db/database.ts';
import { prepareEnvironment } from '../hub/environment.ts';
import { explainDatabaseError } from '../hub/explain-database-error.ts';
import { migrateHub, refuseUnfitHub } from '../hub/migrate-hub.ts';
import { describeDifferences, showProgress, toJson } from './verify.ts';
import { print } from '../terminal.ts';

/** `tributary migrate`: for release phases. Run it as often as you like, from as many machines as you like. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the database schema up to date')
    .option('--dry-run', 'say what would be applied, and which orders the rules of this version settle otherwise')
    .option('--json', 'print JSON (with --dry-run)')
    .action(migrate);
}

async function migrate({ dryRun, json }: { dryRun?: true; json?: true }): Promise<void> {
  const { config, close } = await prepareEnvironment(process.env);
  try {
    if (dryRun) await preview(config.databaseUrl, json === true);
    else {
      await refuseUnfitHub(config);
      const applied = await migrateHub(config, () => print('Another process migrates; waiting for it'));
      print(applied.length > 0 ? `Applied ${applied.join(', ')}` : 'The schema is up to date');
    }
  } catch (error) {
    throw explainDatabaseError(config.databaseUrl, error);
  } finally {
    await close();
  }
}

async function preview(databaseUrl: string, json: boolean): Promise<void> {
  const db = createDatabase({ url: databaseUrl, role: 'cli', poolSize: 1 });
  try {
    const { pending, findings } = await previewMigrations(db, json ? undefined : showProgress());
    const { total, differences } = findings;
    if (json) {
      print(toJson({ pending, orders: findings.counts.get('orders') ?? 0, total, differences }));
      return;
    }
    print(pending.length > 0 ? `Would apply ${pending.join(', ')}` : 'The schema is up to date');
    print(total === 0 ? 'No order would be settled otherwise' : describeDifferences(findings));
  } finally {
    await db.destroy();
  }
}
