import { sseSingle } from 'millrace/client/sse-single';
import type { SseSingleOptions } from 'millrace/client/sse-single';
import type { Connection, ConnectionSettings, OperationKind } from 'millrace/client';

import type { OperationRequest } from '../../src/vocabulary.ts';
import { QuickClock } from './client-clock.ts';
import type { Heard } from './response-stage.ts';
import { ScriptedFetch } from './scripted-fetch.ts';
import type {
  ScriptedFetchOptions,
  ScriptedHead,
  ScriptedRequest,
  ScriptedResponse,
} from './scripted-fetch.ts';

/** What one operation was told, and how to end it. */
export interface SingleExchange {
  readonly heard: readonly (Heard | 'started' | readonly ['failed', unknown])[];
  readonly stop: () => void;
}

/** An event stream whose every chunk is read before its call resolves. */
export interface SingleStreamScript {
  readonly isReleased: boolean;
  send(...chunks: readonly string[]): Promise<void>;
  end(): Promise<void>;
  break(): Promise<void>;
}

/** The token of every reservation here. */
export const token = 'k3Jv';

/** One connection of the single connection mode with a test at its other end, on a virtual clock. */
export class SingleStage {
  readonly clock = new QuickClock();
  readonly heard: Heard[] = [];
  readonly connection: Connection;
  readonly #script: ScriptedFetch;

  /** @param onConnected - called inside the call that tells of it */
  constructor(
    { url = 'http://host.example/graphql', ...options }: SseSingleOptions = {},
    fetchOptions?: ScriptedFetchOptions,
    onConnected?: () => void,
  ) {
    this.#script = new ScriptedFetch(fetchOptions);
    const settings: ConnectionSettings = { url, clock: this.clock };
    this.connection = sseSingle({ fetch: this.#script.fetch, ...options }).connect(settings, {
      connected: () => {
        this.heard.push('connected');
        onConnected?.();
      },
      violated: (message) => this.heard.push(['violated', message]),
      closed: (reason) => this.heard.push(['closed', reason]),
    });
  }

  get requests(): readonly ScriptedRequest[] {
    return this.#script.requests;
  }

  /** The methods of the requests so far. */
  get methods(): string {
    return this.requests.map(({ method }) => method).join(' ');
  }

  /** The request of this method that came last. */
  last(method: string): ScriptedRequest {
    const last = this.requests.findLast((request) => request.method === method);
    if (!last) throw new Error(`there was no ${method}`);
    return last;
  }

  /** The ids of the operations that a DELETE named. */
  get stopped(): readonly (string | null)[] {
    return this.requests
      .filter(({ method }) => method === 'DELETE')
      .map(({ url }) => new URL(url).searchParams.get('operationId'));
  }

  /** The id that an operation was asked for under. */
  idOf({ body }: Pick<ScriptedRequest, 'body'>): unknown {
    const { extensions } = body as { readonly extensions: { readonly operationId: unknown } }; // every one of them has it
    return extensions.operationId;
  }

  /**
   * Starts an operation, and lets everything happen that needs no time.
   *
   * @param onResult - called inside each call that brings a result
   */
  async start(
    request: Partial<OperationRequest> & { readonly kind?: OperationKind } = {},
    onResult?: (exchange: SingleExchange) => void,
  ): Promise<SingleExchange> {
    const { kind = 'subscription', ...rest } = request;
    const heard: SingleExchange['heard'][number][] = [];
    const stop = this.connection.start(
      { kind, request: { query: `${kind} { tick }`, ...rest } },
      {
        started: () => heard.push('started'),
        next: (result) => {
          heard.push(['next', result]);
          onResult?.(exchange);
        },
        error: (errors) => heard.push(['error', errors]),
        complete: () => heard.push('complete'),
        failed: (failure) => heard.push(['failed', failure]),
      },
    );
    const exchange = { heard, stop };
    await this.clock.settle();
    return exchange;
  }

  /** Answers the last request of this method with a whole response. */
  async answer(method: string, head: ScriptedHead, body = ''): Promise<ScriptedResponse> {
    const response = this.last(method).respond(head);
    if (body !== '') response.send(body);
    response.end();
    await this.clock.settle();
    return response;
  }

  /** The stream is reserved. */
  async reserve(): Promise<void> {
    await this.clock.settle();
    await this.answer('PUT', { status: 201, type: 'text/plain; charset=utf-8' }, token);
  }

  /** The stream is reserved and opened. */
  async open(): Promise<SingleStreamScript> {
    await this.reserve();
    const response = this.last('GET').respond({ type: 'text/event-stream; charset=utf-8' });
    await this.clock.settle();
    const settled =
      (act: (...chunks: readonly string[]) => void) =>
      async (...chunks: readonly string[]): Promise<void> => {
        act(...chunks);
        await this.clock.settle();
      };
    return {
      get isReleased() {
        return response.isReleased;
      },
      send: settled((...chunks) => response.send(...chunks)),
      end: settled(() => response.end()),
      break: settled(() => response.break()),
    };
  }

  /** Answers the last POST with 202. */
  async accept(): Promise<void> {
    await this.answer('POST', { status: 202 });
  }
}

/** The event of a result. */
export function nextOf(id: string, payload: unknown): string {
  return `event: next\ndata: ${JSON.stringify({ id, payload })}\n\n`;
}

/** The event of an end. */
export function completeOf(id: string): string {
  return `event: complete\ndata: ${JSON.stringify({ id })}\n\n`;
}
