export interface HubRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body: string | null;
}

const TIMEOUT_MS = 60_000;

/** Sends a request; the answer's body as text. Throws where nothing answers. */
export async function sendRequest({
  method,
  url,
  headers,
  body,
}: HubRequest): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(url, {
      method,
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    const { origin } = new URL(url);
    throw new Error(`No hub answers at ${origin} (${explainFailure(error)}). Does it run? --hub says where it is.`, {
      cause: error,
    });
  }
}

/** fetch says only that it failed; why stands in the cause. */
function explainFailure(error: unknown): string {
  const { cause, message } = error as Error;
  const { code } = (cause ?? {}) as { code?: string };
  return code ?? message;
}
