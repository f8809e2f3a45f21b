import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Request, Response } from 'express';

/** A text that is sent often, in the forms in which it is sent. */
export interface Compressed {
  type: string;
  plain: Buffer;
  gzip: Buffer;
  brotli: Buffer;
}

const QUALITY = 9;

export function compress(text: string, type: string): Compressed {
  const plain = Buffer.from(text);
  const brotli = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } });
  return { type: `${type}; charset=utf-8`, plain, gzip: gzipSync(plain), brotli };
}

/** In the smallest form that the client takes. */
export function sendCompressed(req: Request, res: Response, text: Compressed): void {
  const encoding = req.acceptsEncodings(['br', 'gzip', 'identity']) || 'identity';
  const form = forms[encoding] ?? 'plain';
  if (form !== 'plain') res.setHeader('Content-Encoding', encoding);
  res.setHeader('Vary', 'Accept-Encoding');
  res.setHeader('Content-Type', text.type);
  res.send(text[form]);
}

const forms: Readonly<Record<string, 'gzip' | 'brotli'>> = { br: 'brotli', gzip: 'gzip' };
