import { systemClock } from '../client/system-clock.ts';
import type { FormattedError, FormattedResult, OperationRequest } from '../vocabulary.ts';
import type { LaneClock } from './lane.ts';
import { createTestWebSocket } from './memory-link.ts';
import type { MemoryLink } from './memory-link.ts';
import type { MemoryConnection } from './memory-web-socket.ts';
import { MockConnection } from './mock-connection.ts';
import type { MockOperation } from './mock-operation.ts';
import type { TestWebSocket } from './test-socket.ts';

/** What an operation brings, in order: results; one that has errors and no data ends the operation, as a request error does. */
export type Mock =
  | readonly FormattedResult[]
  | ((request: OperationRequest) => readonly FormattedResult[]);

/** Mocks by the name of the operation, or else by the name of its first field. */
export type Mocks = Readonly<Record<string, Mock>>;

/** Options of {@link mockServer}. */
export interface MockServerOptions {
  /** Passes the time of delays. @defaultValue the clock of the runtime */
  readonly clock?: LaneClock;
  /** What the client gets when it is accepted. */
  readonly ackPayload?: Readonly<Record<string, unknown>>;
}

/** A server that answers from a list, for tests of what stands on a client. */
export interface MockServer {
  /** For `websocket({ WebSocket })`. */
  readonly WebSocket: TestWebSocket;
  /** All that was asked, the oldest first. */
  readonly operations: readonly MockOperation[];
  /** All that were attempted, the oldest first, with what can go wrong on them. */
  readonly connections: readonly MemoryConnection[];
  /** Sends more results to all open operations of this name; throws if there is none. */
  push(name: string, ...results: readonly FormattedResult[]): void;
  /** Ends all open operations of this name; throws if there is none. */
  complete(name: string): void;
  /** Ends all open operations of this name with errors; throws if there is none. */
  fail(name: string, errors: readonly FormattedError[]): void;
}

/**
 * Makes a server that speaks `graphql-transport-ws` and answers each operation with the results that are listed for it.
 *
 * @remarks
 * Queries and mutations complete then; subscriptions stay open for `push` until `complete` or `fail`.
 */
export function mockServer(
  mocks: Mocks,
  { clock = systemClock, ackPayload }: MockServerOptions = {},
): MockServer {
  const links: MemoryLink[] = [];
  const operations: MockOperation[] = [];
  const WebSocket = createTestWebSocket(clock, (link) => {
    links.push(link);
    return new MockConnection(link, {
      ackPayload,
      begin: (operation) => {
        operations.push(operation);
        answer(operation, mocks);
      },
    });
  });
  const named = (name: string): readonly MockOperation[] => {
    const found = operations.filter(
      (operation) => operation.isOpen && operation.names.includes(name),
    );
    if (found.length === 0) throw new Error(`No operation ${name} is open.`);
    return found;
  };
  return {
    WebSocket,
    operations,
    connections: links,
    push: (name, ...results) => {
      for (const operation of named(name)) operation.push(...results);
    },
    complete: (name) => {
      for (const operation of named(name)) operation.complete();
    },
    fail: (name, errors) => {
      for (const operation of named(name)) operation.fail(errors);
    },
  };
}

function answer(operation: MockOperation, mocks: Mocks): void {
  const name = operation.names.find((candidate) => Object.hasOwn(mocks, candidate));
  const mock = name === undefined ? undefined : mocks[name];
  if (!mock) {
    const asked = operation.names.join(' or ');
    const mocked = Object.keys(mocks).join(', ');
    return operation.fail([{ message: `Nothing is mocked for ${asked}, only for ${mocked}.` }]);
  }
  operation.push(...(typeof mock === 'function' ? mock(operation.request) : mock));
  if (operation.kind !== 'subscription') operation.complete();
}
