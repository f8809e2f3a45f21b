import type { Attributes, SpanContext } from '@opentelemetry/api';

/** What a request was, as its span tells it. */
export interface RequestEnd {
  method: string;
  /** The pattern; never the path, in which ids of sources stand. */
  route: string;
  /** Null: it broke off. */
  status: number | null;
}

/** What came of an attempt to deliver. */
export interface AttemptEnd {
  method: string;
  host: string | null;
  status: number | null;
  error: string | null;
}

/**
 * The spans of a process: a request, the insert that its message shared with others, the batch that settled it, and each attempt to
 * deliver what came of it. Off it does not exist: whoever has none does nothing.
 *
 * Nothing is stored and no job is longer for it: the trace and the span of a request that brought a message have the ids that the
 * message's own id says, so whoever has the message knows them, in whatever process and after whatever crash, and decides alike
 * whether the trace is kept.
 */
export interface Tracing {
  /** Runs the handling of a request; its span begins now and ends with the call of what is returned. */
  followRequest(traceparent: string | undefined, handle: () => void): (end: RequestEnd) => void;
  /** The request under way brought this message. */
  noteMessage(inboxId: string): void;
  /**
   * A span over `work`, which is about these messages: one message is the parent of it, several are linked. There is none where
   * no trace of them is kept.
   */
  spanMessages<T>(
    name: string,
    inboxIds: readonly string[],
    work: (span: SpanContext | null) => Promise<T>,
    attributes?: Attributes,
  ): Promise<T>;
  /** What is delivered of these outbound messages is a consequence of that span. Forgotten after some thousands. */
  expectDeliveries(span: SpanContext, messageIds: readonly string[]): void;
  /** The span that deliveries of this message are a consequence of, for a job; null: none is known. */
  originOf(messageId: string): string | null;
  /** What `originOf` gave another process. */
  expectDeliveriesOf(origin: string, messageIds: readonly string[]): void;
  /** A span over an attempt, whose `end` says what came of it. */
  spanAttempt(attempt: { messageId: string; endpointId: string; attempt: number }): (end: AttemptEnd) => void;
  /** Sends what is left, in bounded time. */
  close(): Promise<void>;
}

/** Where traces go, and how many. */
export interface TracingConfig {
  /** Of an OTLP receiver, with its path. */
  url: string;
  serviceName: string;
  /** The share of traces that are kept, from 0 to 1. */
  ratio: number;
}
