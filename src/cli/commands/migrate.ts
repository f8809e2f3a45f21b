import { Command } from 'commander';
import { prepareEnvironment } from '../hub/environment.ts';
import { migrateHub } from '../hub/migrate-hub.ts';

/** `tributary migrate`: for release phases. Run it as often as you like, from as many machines as you like. */
export function migrateCommand(): Command {
  return new Command('migrate').description('bring the database schema up to date').action(async () => {
    const { config, close } = await prepareEnvironment(process.env);
    try {
      const applied = await migrateHub(config, () => console.log('Another process migrates; waiting for it'));
      console.log(applied.length > 0 ? `Applied ${applied.join(', ')}` : 'The schema is up to date');
    } finally {
      await close();
    }
  });
}
