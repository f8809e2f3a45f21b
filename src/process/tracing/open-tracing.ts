import { AsyncLocalStorage } from 'node:async_hooks';
import { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import type { Attributes, Context, Link, Span, SpanContext } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  RandomIdGenerator,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type IdGenerator,
  type Sampler,
} from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { AttemptEnd, RequestEnd, Tracing, TracingConfig } from './tracing.ts';
import { version } from '../version.ts';

// Loaded only where traces are wanted (load-tracing.ts): OpenTelemetry takes memory that nobody else should pay for.

/** More links than that say nothing more. */
const MAX_LINKS = 128;

/** So many outbound messages are known by what they come of, for their retries. */
const MAX_EXPECTED = 10_000;

const CLOSE_TIMEOUT_MS = 2_000;
const LOG_EVERY_MS = 60_000;

export function openTracing(config: TracingConfig, role: string, log: Logger): Tracing {
  tellErrors(log);
  const ids = new ChosenIds();
  const root = new TraceIdRatioBasedSampler(config.ratio);
  const provider = new TracerProvider({
    idGenerator: ids,
    sampler: new MessageSampler(root),
    resource: detectResources({ detectors: [envDetector] })
      .merge(defaultResource())
      .merge(
        resourceFromAttributes({
          'service.name': config.serviceName,
          'service.version': version,
          'process.pid': process.pid,
          'tributary.role': role,
        }),
      ),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: config.url }), scheduledDelayMillis: 1_000 }),
    ],
  });
  const tracer = provider.getTracer('tributary', version);
  const requests = new AsyncLocalStorage<{ inboxId: string | null }>();
  const expected = new Map<string, SpanContext>();

  /** The span of the request that brought the message; `sampled` as every process decides it. */
  function contextOf(inboxId: string): SpanContext {
    const hex = hexOf(inboxId);
    const { decision } = root.shouldSample(ROOT_CONTEXT, hex);
    const traceFlags = decision === SamplingDecision.RECORD_AND_SAMPLED ? TraceFlags.SAMPLED : TraceFlags.NONE;
    return { traceId: hex, spanId: hex.slice(16), traceFlags, isRemote: true };
  }

  function expectDeliveries(span: SpanContext, messageIds: readonly string[]): void {
    for (const id of messageIds) {
      expected.delete(id);
      expected.set(id, span);
    }
    for (const id of expected.keys()) {
      if (expected.size <= MAX_EXPECTED) break;
      expected.delete(id);
    }
  }

  return {
    followRequest(traceparent, handle) {
      const startTime = Date.now();
      const request: { inboxId: string | null } = { inboxId: null };
      requests.run(request, handle);
      return ({ method, route, status }: RequestEnd) => {
        if (request.inboxId !== null) ids.choose(contextOf(request.inboxId));
        const span = tracer.startSpan(
          `${method} ${route}`,
          {
            kind: SpanKind.SERVER,
            startTime,
            root: true,
            links: linksTo(callerOf(traceparent)),
            attributes: {
              'http.request.method': method,
              'http.route': route,
              ...(status === null ? {} : { 'http.response.status_code': status }),
              ...(request.inboxId === null ? {} : { 'tributary.inbox.id': request.inboxId }),
            },
          },
          ROOT_CONTEXT,
        );
        ids.forget();
        if (status === null || status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      };
    },
    noteMessage(inboxId) {
      const request = requests.getStore();
      if (request) request.inboxId ??= inboxId;
    },
    async spanMessages(name, inboxIds, work, attributes) {
      const span = startMessagesSpan(name, inboxIds, attributes);
      return span ? await runIn(span, work) : await work(null);
    },
    expectDeliveries,
    originOf(messageId) {
      const span = expected.get(messageId);
      return span ? `00-${span.traceId}-${span.spanId}-01` : null;
    },
    expectDeliveriesOf(origin, messageIds) {
      const span = parseTraceParent(origin);
      if (span) expectDeliveries({ ...span, isRemote: true }, messageIds);
    },
    spanAttempt({ messageId, endpointId, attempt }) {
      const origin = expected.get(messageId);
      const attributes: Attributes = {
        'tributary.message.id': messageId,
        'tributary.endpoint.id': endpointId,
        'tributary.delivery.attempt': attempt,
      };
      const span = tracer.startSpan('deliver', { kind: SpanKind.CLIENT, attributes }, parentOf(origin));
      return ({ method, host, status, error }: AttemptEnd) => {
        span.setAttribute('http.request.method', method);
        if (host !== null) span.setAttribute('server.address', host);
        if (status !== null) span.setAttribute('http.response.status_code', status);
        if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
        span.end();
      };
    },
    async close() {
      await Promise.race([
        provider.shutdown().catch(() => undefined),
        new Promise((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS).unref()),
      ]);
    },
  };

  function startMessagesSpan(name: string, inboxIds: readonly string[], attributes: Attributes = {}): Span | null {
    const kept: SpanContext[] = [];
    for (const id of inboxIds) {
      if (kept.length === MAX_LINKS) break;
      const message = contextOf(id);
      if (isSampled(message)) kept.push(message);
    }
    const [only] = kept;
    if (!only) return null;
    const isAlone = inboxIds.length === 1;
    return tracer.startSpan(
      name,
      {
        kind: SpanKind.CONSUMER,
        attributes: { 'messaging.batch.message_count': inboxIds.length, ...attributes },
        ...(isAlone ? {} : { links: kept.map((each) => ({ context: each })) }),
      },
      isAlone ? parentOf(only) : ROOT_CONTEXT,
    );
  }
}

async function runIn<T>(span: Span, work: (span: SpanContext) => Promise<T>): Promise<T> {
  try {
    return await work(span.spanContext());
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    if (error instanceof Error) span.recordException({ name: error.name, message: error.message });
    throw error;
  } finally {
    span.end();
  }
}

function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

function parentOf(span: SpanContext | undefined): Context {
  return span ? trace.setSpanContext(ROOT_CONTEXT, span) : ROOT_CONTEXT;
}

/** An id ends in a UUID in hex: as many digits as a trace id has. */
function hexOf(id: string): string {
  return id.slice(id.indexOf('_') + 1);
}

/**
 * Whoever calls may say so: a link leads to their trace, and no more. As a parent it would let strangers choose the ids of our
 * traces, and which of them are kept.
 */
function callerOf(traceparent: string | undefined): SpanContext | null {
  return traceparent === undefined ? null : parseTraceParent(traceparent);
}

function linksTo(span: SpanContext | null): Link[] {
  return span ? [{ context: { ...span, isRemote: true } }] : [];
}

/** As the parent was decided; what has links is about traces that are kept; all else by the trace's id. */
class MessageSampler implements Sampler {
  readonly #root: Sampler;

  constructor(root: Sampler) {
    this.#root = root;
  }

  shouldSample(...asked: Parameters<Sampler['shouldSample']>): ReturnType<Sampler['shouldSample']> {
    const [parent, , , kind, , links] = asked;
    const known = trace.getSpanContext(parent);
    const isKept = known ? isSampled(known) : kind === SpanKind.CONSUMER && links.length > 0;
    if (isKept) return { decision: SamplingDecision.RECORD_AND_SAMPLED };
    return known ? { decision: SamplingDecision.NOT_RECORD } : this.#root.shouldSample(...asked);
  }

  toString(): string {
    return `MessageSampler{${this.#root.toString()}}`;
  }
}

/** Random ids, but those of a request's span where its message says them. */
class ChosenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #chosen: SpanContext | null = null;

  /** For the span that is started next, in the same turn. */
  choose(span: SpanContext): void {
    this.#chosen = span;
  }

  forget(): void {
    this.#chosen = null;
  }

  generateTraceId(): string {
    return this.#chosen?.traceId ?? this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#chosen?.spanId ?? this.#random.generateSpanId();
  }
}

/** A receiver that is away is told once a minute: spans are dropped, and nothing waits for them. */
function tellErrors(log: Logger): void {
  let last = -Infinity;
  const tell = (message: string): void => {
    if (performance.now() - last < LOG_EVERY_MS) return;
    last = performance.now();
    log.warn({ problem: message.slice(0, 500) }, 'traces could not be sent; look at OTEL_EXPORTER_OTLP_ENDPOINT');
  };
  const silent = (): void => undefined;
  diag.setLogger(
    { error: tell, warn: tell, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
