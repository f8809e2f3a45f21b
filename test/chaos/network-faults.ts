import type { Fault } from './faults.ts';

/** What happens between senders and a web process. */
export const networkFaults: Fault[] = [
  {
    name: 'reset-senders',
    seconds: [0, 1],
    async begin({ hub, random }) {
      const { proxy } = random.pick(hub.webs);
      proxy.reset();
      return async () => proxy.reset();
    },
  },
  {
    name: 'half-open-senders',
    seconds: [0, 0],
    async begin({ hub, random }) {
      random.pick(hub.webs).proxy.forsake();
      return async () => undefined;
    },
  },
  {
    name: 'delay-senders',
    seconds: [4, 6],
    async begin({ hub, random }) {
      const { proxy } = random.pick(hub.webs);
      proxy.delay(random.between(100, 800));
      return async () => proxy.delay(0);
    },
  },
];
