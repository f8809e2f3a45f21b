import { z } from 'zod';
import { text, urlOf } from '../environment-values.ts';
import type { TracingConfig } from './tracing.ts';

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** The sampler by its standard name. Callers decide nothing of ours, so `parentbased_` adds nothing. */
export const sampler = z.enum(samplers, `must be one of ${samplers.join(', ')}`);

export const share = text.regex(/^(0|1|0?\.\d+|1\.0+|0\.0*)$/, 'must be a number from 0 to 1').transform(Number);

export const receiver = urlOf(['http:', 'https:'], 'http://localhost:4318');

/** Null where no receiver is named: traces are off. */
export function readTracing(values: {
  OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined;
  OTEL_SERVICE_NAME: string;
  OTEL_TRACES_SAMPLER: z.infer<typeof sampler>;
  OTEL_TRACES_SAMPLER_ARG: number;
}): TracingConfig | null {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  const url =
    values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base === undefined ? null : `${base.replace(/\/+$/, '')}/v1/traces`);
  const ratio = values.OTEL_TRACES_SAMPLER.endsWith('ratio')
    ? values.OTEL_TRACES_SAMPLER_ARG
    : Number(values.OTEL_TRACES_SAMPLER.endsWith('_on'));
  return url === null || ratio === 0 ? null : { url, serviceName: values.OTEL_SERVICE_NAME, ratio };
}
