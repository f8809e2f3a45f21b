import type { Logger } from 'pino';
import type { Tracing, TracingConfig } from './tracing.ts';

/** Null where no traces are wanted; nothing of OpenTelemetry is loaded then. */
export async function loadTracing(config: TracingConfig | null, role: string, log: Logger): Promise<Tracing | null> {
  if (config === null) return null;
  const { openTracing } = await import('./open-tracing.ts');
  return openTracing(config, role, log);
}
