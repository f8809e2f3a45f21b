import { Client } from 'pg';
import { serverUrl } from './postgres-server.ts';

/** Whom the hub's own processes connect as: it owns what is in the hub's database, and is nobody beyond it. */
export const HUB_ROLE = 'tributary_hub';

/**
 * Makes the hub's role, with this password, and gives it the database and whatever the server's owner has in it. What was
 * made before there was this role, or by a tool as the owner (a backup that was restored), is the hub's after the next
 * start. Run by the owner; may be run again at any time.
 */
export async function ensureHubRole(
  port: number,
  ownerPassword: string,
  database: string,
  hubPassword: string,
): Promise<void> {
  const client = new Client({ connectionString: serverUrl(port, ownerPassword, database) });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [HUB_ROLE]);
    await client.query(
      `${rowCount === 0 ? 'create' : 'alter'} role ${HUB_ROLE} login nosuperuser nocreatedb nocreaterole noreplication
       nobypassrls password ${client.escapeLiteral(hubPassword)}`,
    );
    // Whether another process uses the server is read from its sessions, of whichever role.
    await client.query(`grant pg_read_all_stats to ${HUB_ROLE}`);
    await client.query(`alter database ${client.escapeIdentifier(database)} owner to ${HUB_ROLE}`);
    for (const list of ownedByUs) {
      const { rows } = await client.query<{ statement: string }>(list);
      for (const { statement } of rows) await client.query(`${statement} owner to ${HUB_ROLE}`);
    }
  } finally {
    await client.end();
  }
}

const ours = `(select oid from pg_roles where rolname = current_user)`;
const inSchemaOfUsers = `n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'`;

/** `reassign owned` refuses the role that made the server, so each object is given by itself; tables take their sequences. */
const ownedByUs = [
  `select format('alter schema %I', n.nspname) as statement from pg_namespace n
   where n.nspowner = ${ours} and ${inSchemaOfUsers}`,
  `select format('alter %s %I.%I', case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
     n.nspname, c.relname) as statement
   from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relowner = ${ours} and c.relkind in ('r', 'p', 'v', 'm') and ${inSchemaOfUsers}`,
  `select format('alter sequence %I.%I', n.nspname, c.relname) as statement
   from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relowner = ${ours} and c.relkind = 'S' and ${inSchemaOfUsers}`,
  `select format('alter routine %s', p.oid::regprocedure) as statement
   from pg_proc p join pg_namespace n on n.oid = p.pronamespace
   where p.proowner = ${ours} and ${inSchemaOfUsers}
     and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')`,
  `select format('alter type %I.%I', n.nspname, t.typname) as statement
   from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
   where t.typowner = ${ours} and ${inSchemaOfUsers} and t.typelem = 0
     and (t.typtype in ('e', 'd', 'r') or c.relkind = 'c')`,
];
