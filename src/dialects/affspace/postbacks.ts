import type { RequestHandler } from 'express';
import { allowEmbedding } from '../../http/public-access.ts';
import type { Deps } from '../../deps.ts';
import { postbackRouter, type PostbackSurface } from '../../inbound/postback/router.ts';
import { limitDialect } from '../limits.ts';
import { conversionLimits, getLimits } from './limits.ts';
import { answerConversion, answerEvent } from './outcome.ts';

/** `/pb/:endpointId`: the hub's postback sources, primary and secondary, with AffSpace's limits, answers and errors. */
export function affspacePostbacks(deps: Deps): RequestHandler[] {
  // Browsers of other sites load it as a pixel.
  return [allowEmbedding('/pb/'), postbackRouter(deps, affspaceSurface(deps))];
}

function affspaceSurface(deps: Deps): PostbackSurface {
  return {
    limit(principal, purpose, req, res) {
      const limits = purpose === 'primary' ? conversionLimits : getLimits;
      return limitDialect(deps, { name: 'affspace' }, { limits }, principal, req, res);
    },
    async answer(inboxEventId, settled, { purpose, ...reported }) {
      const answerPostback = purpose === 'primary' ? answerConversion : answerEvent;
      const { body } = await answerPostback(deps.db, reported, inboxEventId, settled);
      return body as object;
    },
  };
}
