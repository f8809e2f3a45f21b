import { sendRequest } from './send-request.ts';

/** The native API as a program's own client calls it. */
export interface ApiClient {
  /** The answer's JSON; undefined where it has none. Throws with the API's words where it refuses. */
  call: <T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) => Promise<T>;
}

export function createApiClient(hubUrl: string, key: string): ApiClient {
  return {
    async call<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<T> {
      const answer = await sendRequest({
        method,
        url: `${hubUrl}/api/v1${path}`,
        headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
        body: body ? JSON.stringify(body) : null,
      });
      const parsed = answer.body === '' ? undefined : parseAnswer(answer.body);
      if (answer.status >= 200 && answer.status < 300) return parsed as T;
      const { error } = (parsed ?? {}) as { error?: { code?: string; message?: string } };
      throw new Error(`${method} ${path}: ${answer.status} ${error?.code ?? ''} ${error?.message ?? ''}`.trimEnd());
    },
  };
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
