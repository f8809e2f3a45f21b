import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

/** An event of a stream, as a browser gets it. */
export interface LiveEvent {
  id: string;
  news: { kind: string; id: string; at: string }[];
  isMore: boolean;
}

export interface LiveStream {
  events: LiveEvent[];
  /** Of what was told, of any kind or of one. */
  ids(kind?: string): string[];
  lastEventId(): string;
  /** Resolves when the hub ends it. */
  ended: Promise<void>;
  close(): void;
}

/** Opens a stream of the console; resolves when it is open. */
export async function openLive(url: string, headers: Record<string, string>): Promise<LiveStream> {
  const request = get(url, { headers, agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${await text(answer)}`);
  const events: LiveEvent[] = [];
  let last = '';
  const read = (block: string): void => {
    const fields = block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line) ?? []);
    const valueOf = (name: string): string | undefined => fields.find(([, field]) => field === name)?.[2];
    last = valueOf('id') ?? last;
    const data = valueOf('data');
    if (data === undefined) return;
    events.push({ ...(JSON.parse(data) as Pick<LiveEvent, 'news' | 'isMore'>), id: last });
  };
  const ended = (async () => {
    let rest = '';
    for await (const chunk of answer.setEncoding('utf8')) {
      const blocks = (rest + String(chunk)).split('\n\n');
      rest = blocks.pop() ?? '';
      blocks.forEach(read);
    }
  })().catch(() => undefined);
  return {
    events,
    ids: (kind) =>
      events.flatMap(({ news }) =>
        news.filter((each) => kind === undefined || each.kind === kind).map((each) => each.id),
      ),
    lastEventId: () => last,
    ended,
    close: () => request.destroy(),
  };
}
