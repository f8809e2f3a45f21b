import { answer, defineDialectRoute } from '../dialect.ts';

export const healthRoutes = [
  defineDialectRoute({
    method: 'get',
    path: '/health',
    auth: 'none',
    access: 'read',
    limits: null,
    handle: ({ clock }) => Promise.resolve(answer(200, { status: 'ok', timestamp: clock.now().getTime() })),
  }),
];
