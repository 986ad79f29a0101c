import { act, cleanup, configure } from '@testing-library/react';
import { createClient } from 'millrace/client';
import type { Client, ClientOptions, Transport } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';
import { ClientProvider } from 'millrace/links/react';
import { VirtualClock, manualSignals, mockServer } from 'millrace/testing';
import type { MockServer, Mocks } from 'millrace/testing';
import { createElement } from 'react';
import type { ReactElement, ReactNode } from 'react';

/** Components over a server that answers from a list. */
export interface ReactStage {
  readonly clock: VirtualClock;
  readonly server: MockServer;
  readonly client: Client;
  /** What the client had to report. */
  readonly reported: readonly unknown[];
  /** Puts components where they have the client. */
  readonly wrapper: (props: { readonly children: ReactNode }) => ReactElement;
  /** Lets everything happen that needs no time, and React show it. */
  readonly settle: () => Promise<void>;
  /** Loses the connection, and lets the client come back. */
  readonly reconnect: () => Promise<void>;
  readonly advance: (durationMs: number) => Promise<void>;
  /** What was asked of this name, and whether it is still open. */
  readonly asked: (name: string) => readonly boolean[];
}

/** What may be said of the client; queries may go another way than to the server of the stage. */
export type StageOptions = Omit<Partial<ClientOptions>, 'transport'> & {
  readonly queries?: Transport;
};

/** Makes a stage. Whoever uses it calls {@link leaveStage} after each test. */
export function reactStage(mocks: Mocks, { queries, ...options }: StageOptions = {}): ReactStage {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  const clock = new VirtualClock();
  const server = mockServer(mocks, { clock });
  const reported: unknown[] = [];
  const subscriptions = websocket({ WebSocket: server.WebSocket });
  const client = createClient({
    url: 'ws://mock.test/graphql',
    transport: { queries: queries ?? subscriptions, subscriptions },
    clock,
    random: () => 0.5,
    signals: manualSignals().signals,
    onInternalError: (error) => reported.push(error),
    ...options,
  });
  const advance = (durationMs: number): Promise<void> => act(() => clock.advance(durationMs));
  return {
    clock,
    server,
    client,
    reported,
    wrapper: ({ children }) => createElement(ClientProvider, { client, children }),
    settle: () => act(() => clock.settle()),
    advance,
    async reconnect() {
      server.connections.at(-1)?.drop();
      await advance(1_000);
    },
    asked: (name) =>
      server.operations.filter(({ names }) => names.includes(name)).map(({ isOpen }) => isOpen),
  };
}

/** Takes away what a test has rendered. */
export function leaveStage(): void {
  cleanup();
  configure({ reactStrictMode: false });
}
