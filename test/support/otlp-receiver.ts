import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A span as it was sent by OTLP. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  attributes: Record<string, string | number>;
  links: { traceId: string; spanId: string }[];
  failed: boolean;
  /** Of the process that sent it. */
  resource: Record<string, string | number>;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  url: string;
  spans: ReceivedSpan[];
  close: () => Promise<void>;
}

/** Takes traces by OTLP over HTTP in protobuf, as collectors do. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const server = createServer();
  server.on('request', (req: IncomingMessage, res: ServerResponse) => void take(req, res));
  async function take(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await buffer(req);
    const isExport = req.url === '/v1/traces' && req.headers['content-type'] === 'application/x-protobuf';
    if (isExport) spans.push(...readExport(body));
    res.writeHead(isExport ? 200 : 404, { 'content-type': 'application/x-protobuf' }).end();
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** ExportTraceServiceRequest of opentelemetry-proto 1.x, as much of it as is asked for here. */
function readExport(bytes: Buffer): ReceivedSpan[] {
  return messages(bytes, 1).flatMap((resourceSpans) => {
    const resource = readAttributes(messages(resourceSpans, 1).flatMap((each) => messages(each, 1)));
    return messages(resourceSpans, 2).flatMap((scopeSpans) =>
      messages(scopeSpans, 2).map((span): ReceivedSpan => ({
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentSpanId: hex(span, 4),
        name: string(span, 5),
        attributes: readAttributes(messages(span, 9)),
        links: messages(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
        failed: messages(span, 15).some((status) => number(status, 3) === 2),
        resource,
      })),
    );
  });
}

function readAttributes(pairs: Buffer[]): Record<string, string | number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [value = Buffer.alloc(0)] = messages(pair, 2);
      return [string(pair, 1), messages(value, 1).length > 0 ? string(value, 1) : number(value, 3)];
    }),
  );
}

const messages = (bytes: Buffer, field: number): Buffer[] =>
  readFields(bytes).flatMap(([number_, value]) => (number_ === field && Buffer.isBuffer(value) ? [value] : []));
const hex = (bytes: Buffer, field: number): string => messages(bytes, field)[0]?.toString('hex') ?? '';
const string = (bytes: Buffer, field: number): string => messages(bytes, field)[0]?.toString() ?? '';
const number = (bytes: Buffer, field: number): number =>
  Number(readFields(bytes).find(([number_, value]) => number_ === field && typeof value === 'bigint')?.[1] ?? 0);

/** The fields of a protobuf message: numbers as bigint, all else as bytes. */
function readFields(bytes: Buffer): [number: number, value: bigint | Buffer][] {
  const fields: [number, bigint | Buffer][] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const type = tag & 7;
    if (type === 0) fields.push([tag >> 3, varint()]);
    else {
      const length = type === 1 ? 8 : type === 5 ? 4 : Number(varint());
      fields.push([tag >> 3, bytes.subarray(at, at + length)]);
      at += length;
    }
  }
  return fields;
}
