import { getProgram } from '../../program/programs.ts';
import { defineDialectRoute } from '../dialect.ts';
import { answerData } from './envelope.ts';
import { getLimits } from './limits.ts';

export const profileRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/api/v1/profile',
    auth: 'key',
    access: 'read',
    limits: getLimits,
    handle: async ({ db }, { principal }) => {
      const { name, companyName, contactEmail, status } = await getProgram(db, principal.programId);
      return answerData({ companyName: companyName ?? name, contactEmail, status, hasApiKey: true });
    },
  }),
];
