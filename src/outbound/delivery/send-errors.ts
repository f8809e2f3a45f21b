/** Explains a failed request in one line for people: in the attempts table and in the log. */
export function explainSendError(error: Error): string {
  const code = findCode(error);
  const words = explanations[code];
  if (words) return `${words} (${code})`;
  if (code === 'ADDRESS_REFUSED') return `refused: ${error.message}`;
  if (tlsCodes.test(code)) return `TLS: ${error.message} (${code})`;
  if (error.name === 'HTTPParserError') return `the answer is not HTTP: ${error.message}`;
  return code === '' ? error.message : `${error.message} (${code})`;
}

const explanations: Record<string, string> = {
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  ETIMEDOUT: 'no connection in time',
  ENOTFOUND: 'the host name does not resolve',
  ENODATA: 'the host name does not resolve',
  EAI_AGAIN: 'the name server does not answer',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection closed before an answer',
  EPIPE: 'connection closed before an answer',
  UND_ERR_SOCKET: 'connection closed before an answer',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  UND_ERR_HEADERS_OVERFLOW: 'the answer has too many headers',
};

const tlsCodes = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|EPROTO)/;

/** Where several addresses were tried, Node throws one AggregateError that holds the error of each. */
function findCode(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError) return findCode(error.errors[0]);
  return findCode(error.cause);
}
