import type { RequestHandler } from 'express';
import { contentSecurityPolicy } from 'helmet';

/** For pages of our own: nothing from elsewhere, no script or style written into the page, and in no frame. */
export const pageContentPolicy: RequestHandler = contentSecurityPolicy({
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    fontSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
});
