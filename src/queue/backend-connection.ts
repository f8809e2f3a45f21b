import type { BackendFactory, ConnectionOptions } from 'bullmq';

/** A connection for queues (`producer`) or workers (`consumer`), to be closed by whoever opened it. */
export interface BackendConnection {
  /** Constructor options for BullMQ's Queue and Worker. */
  options: { connection: ConnectionOptions; prefix?: string };
  /** The backend, as the last constructor argument. */
  factory: BackendFactory;
  /** Rejects when the backend takes no jobs; while it hangs this does, too. */
  probe(): Promise<void>;
  /** Calls when the connection was lost, where that is told. */
  onLost(call: () => void): void;
  /** Calls when there is a connection again, where that is told. */
  onReady(call: () => void): void;
  /** To be called before what uses the connection is closed. Resolves once no connection is just being made. */
  endRetries(): Promise<void>;
  close(): Promise<void>;
}
