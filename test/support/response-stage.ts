import type {
  Connection,
  ConnectionSettings,
  OperationKind,
  Transport,
  TransportError,
} from 'millrace/client';
import { expect } from 'vitest';

import type { FetchOptions } from '../../src/client/transports/fetch-options.ts';
import type { ErrorCode } from '../../src/errors.ts';
import type { FormattedError, FormattedResult, OperationRequest } from '../../src/vocabulary.ts';
import { QuickClock } from './client-clock.ts';
import { ScriptedFetch } from './scripted-fetch.ts';
import type { ScriptedFetchOptions, ScriptedHead, ScriptedRequest } from './scripted-fetch.ts';

/** What a connection told, in order. */
export type Heard =
  | 'connected'
  | 'complete'
  | readonly ['next', FormattedResult]
  | readonly ['error', readonly FormattedError[]]
  | readonly ['violated', string]
  | readonly ['closed', TransportError]
  | readonly ['failed', TransportError];

/** One operation on one connection. */
export interface Exchange {
  readonly connection: Connection;
  readonly stop: () => void;
  readonly heard: readonly Heard[];
}

/** What is asked for, and where. */
export interface Asked extends Partial<OperationRequest> {
  readonly kind?: OperationKind;
  readonly url?: ConnectionSettings['url'];
}

/** Matches a failure of `code` with these members. */
export function failure(code: ErrorCode, members: Partial<TransportError> = {}): unknown {
  return expect.objectContaining({ name: 'TransportError', code, ...members });
}

/** A transport with a test at its other end, on a virtual clock. */
export class ResponseStage {
  readonly clock = new QuickClock();
  readonly #script: ScriptedFetch;
  readonly #transport: Transport;

  constructor(
    create: (options: Pick<FetchOptions, 'fetch'>) => Transport,
    options?: ScriptedFetchOptions,
  ) {
    this.#script = new ScriptedFetch(options);
    this.#transport = create({ fetch: this.#script.fetch });
  }

  get requests(): readonly ScriptedRequest[] {
    return this.#script.requests;
  }

  /** The request that came last. */
  get request(): ScriptedRequest {
    return this.#script.last;
  }

  /**
   * Connects without starting anything.
   *
   * @param onConnected - called inside the call that tells of it
   */
  connect(url: ConnectionSettings['url'], heard: Heard[], onConnected?: () => void): Connection {
    return this.#transport.connect(
      { url, connectionParams: undefined, clock: this.clock },
      {
        connected: () => {
          heard.push('connected');
          onConnected?.();
        },
        violated: (message) => heard.push(['violated', message]),
        closed: (reason) => heard.push(['closed', reason]),
      },
    );
  }

  /**
   * Starts an operation, and lets everything happen that needs no time.
   *
   * @param onResult - called inside each call that brings a result
   */
  async ask(asked: Asked = {}, onResult?: (exchange: Exchange) => void): Promise<Exchange> {
    const { kind = 'subscription', url = 'http://host.example/graphql', ...request } = asked;
    const heard: Heard[] = [];
    const connection = this.connect(url, heard);
    const stop = connection.start(
      { kind, request: { query: 'subscription { tick }', ...request } },
      {
        next: (result) => {
          heard.push(['next', result]);
          onResult?.(exchange);
        },
        error: (errors) => heard.push(['error', errors]),
        complete: () => heard.push('complete'),
        failed: (reason) => heard.push(['failed', reason]),
      },
    );
    const exchange = { connection, stop, heard };
    await this.clock.settle();
    return exchange;
  }

  /** Answers the request that came last with `chunks`, and lets everything happen that needs no time. */
  async respond(head: ScriptedHead, ...chunks: readonly (string | Uint8Array)[]) {
    const response = this.request.respond(head);
    response.send(...chunks);
    await this.clock.settle();
    return {
      get isReleased() {
        return response.isReleased;
      },
      send: async (...more: readonly (string | Uint8Array)[]) => {
        response.send(...more);
        await this.clock.settle();
      },
      end: async () => {
        response.end();
        await this.clock.settle();
      },
      break: async () => {
        response.break();
        await this.clock.settle();
      },
    };
  }

  /** Answers the request that came last with a whole response. */
  async answer(body: string, head: ScriptedHead): Promise<void> {
    this.request.answer(body, head);
    await this.clock.settle();
  }
}
