/** Who asks for a change, and from where: what the audit log says of it. */
export interface Actor {
  /** key: an API key. admin: the admin token. session: a person signed in to the console. command: the command line on the server. */
  kind: 'key' | 'admin' | 'session' | 'command';
  /** Of the API key; null where there is none. */
  id: string | null;
  /** What people call it: the key's name. */
  name: string | null;
  /** The network address that the request came from; null on the command line. */
  address: string | null;
  /** Names the request in answers and log lines; null on the command line. */
  requestId: string | null;
}

/** Who asks on the command line. */
export const commandLine: Actor = { kind: 'command', id: null, name: 'tributary', address: null, requestId: null };
