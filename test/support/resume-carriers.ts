import type { MessageSocket, ResponseStream, Server } from 'millrace/server';

import { EventStreamParser } from '../../src/protocol/sse/event-stream-parser.ts';
import type { FormattedResult, OperationRequest } from '../../src/vocabulary.ts';
import type { CarrierKind } from './resume-acts.ts';

/** What comes over a connection, whatever it is on the wire. */
export type Delivery =
  /** `id`: where it stands, on an event stream. */
  | { readonly kind: 'result'; readonly result: FormattedResult; readonly id?: string }
  /** An event stream says where it stands, without a result. */
  | { readonly kind: 'position'; readonly id: string }
  /** What an event stream says to those who listen for `resume`. */
  | { readonly kind: 'report'; readonly report: unknown; readonly id?: string }
  | { readonly kind: 'failed'; readonly code: unknown }
  | { readonly kind: 'completed' }
  /** The server ended the connection. */
  | { readonly kind: 'cut'; readonly code: number };

/** What is asked for over a connection. */
export interface CarriedRequest {
  readonly operation: OperationRequest;
  readonly lastEventId: string | undefined;
}

/** The subscriber's end of a connection with one operation on it. */
export interface Carrier {
  /** Nothing is taken any more. */
  stall(): void;
  release(): void;
  /** Stops the operation, and leaves. */
  stop(): void;
  /** Leaves without a word. */
  vanish(): void;
}

/** Connects to `server` and asks for one operation. */
export function carry(
  kind: CarrierKind,
  server: Server,
  request: CarriedRequest,
  hear: (delivery: Delivery) => void,
): Carrier {
  return kind === 'sse'
    ? new EventStream(server, request, hear)
    : new Socket(server, { kind, ...request }, hear);
}

const wires = {
  'graphql-transport-ws': { start: 'subscribe', stop: 'complete' },
  'subscriptions-transport-ws': { start: 'start', stop: 'stop' },
} as const;

class Socket implements Carrier, MessageSocket {
  readonly #kind: keyof typeof wires;
  readonly #operation: OperationRequest;
  readonly #hear: (delivery: Delivery) => void;
  readonly #events: ReturnType<Server['open']>;
  #waitingBytes = 0;
  #isStalled = false;
  #isStopped = false;
  #isOpen = true;

  constructor(
    server: Server,
    request: CarriedRequest & { readonly kind: keyof typeof wires },
    hear: (delivery: Delivery) => void,
  ) {
    this.#kind = request.kind;
    this.#operation = request.operation;
    this.#hear = hear;
    this.#events = server.open(this, {
      protocol: request.kind,
      request: { method: 'GET', url: '/graphql', headers: {} },
    });
    this.#events.message('{"type":"connection_init"}');
  }

  send(frame: string): void {
    if (!this.#isOpen) return;
    if (this.#isStalled) this.#waitingBytes += frame.length;
    const { type, payload } = JSON.parse(frame) as {
      readonly type: string;
      readonly payload?: unknown;
    }; // of our server
    switch (type) {
      case 'connection_ack':
        // a peer answers later, never from inside send()
        return queueMicrotask(() => this.#say(wires[this.#kind].start, this.#operation));
      case 'next':
      case 'data':
        return this.#hear({ kind: 'result', result: payload as FormattedResult }); // as above
      case 'error':
        return this.#hear({ kind: 'failed', code: codeOf(payload) });
      case 'complete':
        // the older protocol answers a stop
        return this.#isStopped ? undefined : this.#hear({ kind: 'completed' });
      default:
        return undefined;
    }
  }

  ping(): void {}

  close(code: number): void {
    if (!this.#isOpen) return;
    this.#hear({ kind: 'cut', code });
    this.#leave(code);
  }

  destroy(): void {
    this.close(1006);
  }

  get bufferedBytes(): number {
    return this.#waitingBytes;
  }

  stall(): void {
    this.#isStalled = true;
  }

  release(): void {
    this.#isStalled = false;
    this.#waitingBytes = 0;
    if (this.#isOpen) this.#events.drained();
  }

  stop(): void {
    this.#isStopped = true;
    this.#say(wires[this.#kind].stop);
    this.#leave(1000);
  }

  vanish(): void {
    this.#leave(1006);
  }

  #say(type: string, payload?: object): void {
    if (this.#isOpen) this.#events.message(JSON.stringify({ id: '1', type, payload }));
  }

  #leave(code: number): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    queueMicrotask(() => this.#events.closed(code, ''));
  }
}

class EventStream implements Carrier, ResponseStream {
  readonly #hear: (delivery: Delivery) => void;
  readonly #leaving = new AbortController();
  readonly #parser = new EventStreamParser();
  #events: { drained(): void; closed(): void } | undefined;
  #waitingBytes = 0;
  #hasFailed = false;
  #isStalled = false;
  #isOpen = true;

  constructor(server: Server, request: CarriedRequest, hear: (delivery: Delivery) => void) {
    this.#hear = hear;
    void this.#ask(server, request); // the server rejects nothing
  }

  write(text: string): void {
    if (!this.#isOpen) return;
    if (this.#isStalled) this.#waitingBytes += text.length;
    // block by block, because one without an event is not dispatched
    for (const block of text.split(/(?<=\n\n)/)) this.#read(block);
  }

  end(): void {
    this.#leave();
  }

  destroy(): void {
    if (!this.#isOpen) return;
    this.#hear({ kind: 'cut', code: 1006 });
    this.#leave();
  }

  get bufferedBytes(): number {
    return this.#waitingBytes;
  }

  stall(): void {
    this.#isStalled = true;
  }

  release(): void {
    this.#isStalled = false;
    this.#waitingBytes = 0;
    if (this.#isOpen) this.#events?.drained();
  }

  stop(): void {
    this.vanish();
  }

  vanish(): void {
    this.#leaving.abort();
    this.#leave();
  }

  async #ask(server: Server, { operation, lastEventId }: CarriedRequest): Promise<void> {
    const response = await server.handleRequest({
      method: 'POST',
      url: '/graphql',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      },
      body: () => Promise.resolve({ text: JSON.stringify(operation) }),
      signal: this.#leaving.signal,
    });
    if (response.kind === 'stream') this.#events = response.open(this);
    else if (this.#isOpen) this.#hear({ kind: 'cut', code: response.status });
    if (!this.#isOpen) this.#events?.closed();
  }

  #read(block: string): void {
    const events = this.#parser.push(new TextEncoder().encode(block));
    // the parser carries ids from event to event
    const id = block.startsWith('id: ') ? this.#parser.lastEventId : undefined;
    for (const { event, data } of events) this.#dispatch(event, data, id);
    if (events.length === 0 && id !== undefined) this.#hear({ kind: 'position', id });
  }

  #dispatch(event: string, data: string, id: string | undefined): void {
    const said = id === undefined ? {} : { id };
    switch (event) {
      case 'next': {
        const result = JSON.parse(data) as FormattedResult; // of our server
        // a stream has begun when its source fails, so its errors are a result
        this.#hasFailed = !('data' in result) && result.errors !== undefined;
        if (this.#hasFailed) return this.#hear({ kind: 'failed', code: codeOf(result.errors) });
        return this.#hear({ kind: 'result', result, ...said });
      }
      case 'resume':
        return this.#hear({ kind: 'report', report: JSON.parse(data), ...said });
      case 'complete':
        return this.#hasFailed ? undefined : this.#hear({ kind: 'completed' });
      default:
        throw new Error(`an event called ${event}`);
    }
  }

  #leave(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // a real response tells later, never from inside end()
    queueMicrotask(() => this.#events?.closed());
  }
}

/** Protocols differ in whether they tell one error or all of them. */
function codeOf(payload: unknown): unknown {
  const [error] = [payload].flat();
  return (error as { readonly extensions?: { readonly code?: unknown } } | undefined)?.extensions
    ?.code; // of our server
}
