import { Router, type RequestHandler } from 'express';
import { countFailure } from '../../http/authenticate.ts';
import { allowEmbedding } from '../../http/public-access.ts';
import type { Deps } from '../../deps.ts';
import { postbackRouter } from '../../inbound/postback/router.ts';
import { limitDialect } from '../limits.ts';
import { conversionLimits, getLimits } from './limits.ts';
import { answerConversion, answerEvent } from './outcome.ts';

/** `/pb/:endpointId`: the hub's postback sources, primary and secondary, with AffSpace's limits, answers and errors. */
export function affspacePostbacks(deps: Deps): RequestHandler[] {
  const embedding = Router();
  // Browsers of other sites load it as a pixel.
  embedding.use('/pb', allowEmbedding);
  const postbacks = postbackRouter({
    ...deps,
    limitPostbacks: (principal, req, res, purpose) => {
      const limits = purpose === 'primary' ? conversionLimits : getLimits;
      return limitDialect(deps, { name: 'affspace' }, { limits }, principal, req, res);
    },
    countFailure: (req, res) => countFailure(deps, req, res),
    answer: async (inboxEventId, settled, { purpose, ...reported }) => {
      const answerPostback = purpose === 'primary' ? answerConversion : answerEvent;
      const { body } = await answerPostback(deps.db, reported, inboxEventId, settled);
      return body as object;
    },
  });
  return [embedding, postbacks];
}
