import type { Difference } from './adapter-contract.ts';

/** Of adapters for what has no WebSockets. */
export const withoutWebSockets = {
  mark: 'no',
  note: 'An upgrade gets 501.',
} as const satisfies Difference;

/** Of runtimes that hand over whole messages, and send no pings for anyone. */
export const standardSockets: Readonly<Record<string, Difference>> = {
  'a message above the limit, which is closed with 1009': {
    mark: 'once it has come',
    note: 'The runtime hands a message over when it has all of it; `messageMs` and `messageFragments` have nothing to count.',
  },
  'a silent peer is asked whether it lives, and lives by its answer': {
    mark: 'by a message',
    note: 'Programs can send no WebSocket pings there. A silent peer is sent the `ping` message of `graphql-transport-ws`; the older protocol has none, so a dead peer is found out by the runtime alone.',
  },
};
