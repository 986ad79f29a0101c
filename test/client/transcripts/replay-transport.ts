import type { Unsubscribable } from 'millrace/client';
import type { ClientProtocol, WebSocketOptions } from 'millrace/client/websocket';
import { expect } from 'vitest';

import type { Outcome, Step, Transcript } from '../../transcripts/client-transcript.ts';
import { serveProtocol } from '../../support/protocol-server.ts';
import type { ProtocolPeer, ProtocolServer } from '../../support/protocol-server.ts';
import { until } from '../../support/waiting.ts';
import { watchClient } from '../../support/watched-client.ts';
import type { WatchedClient } from '../../support/watched-client.ts';

type JsonObject = Readonly<Record<string, unknown>>;
type Parameters = JsonObject | undefined;
type Stimulus = Exclude<Step, { readonly expect: unknown } | { readonly offers: unknown }>;

/**
 * Replays a transcript of the machine against a whole client, over a real socket to a server that says what stands there.
 *
 * @remarks
 * The client connects for an operation that is cancelled before anything else happens. It has taken the first id; all that the transcript names are one more.
 */
export async function replayOverSocket(
  transcript: Transcript,
  protocol: ClientProtocol,
): Promise<Leftovers> {
  const server = await serveProtocol(protocol.subprotocol);
  const replayer = new Replayer(server, {
    connectTimeoutMs: Infinity,
    pingAfterMs: Infinity,
    invalidMessages: 'close',
    ...transcript.options,
    protocol,
  });
  for (const step of transcript.steps) {
    if ('offers' in step) continue;
    if ('expect' in step) expect(await replayer.heard()).toEqual(toHeard(step.expect));
    else await replayer.take(step);
  }
  expect(await replayer.heard()).toEqual(toHeard([]));
  return replayer.finish();
}

/** What came of a few steps, at both ends: each has an order of its own. */
interface Heard {
  readonly told: readonly Outcome[];
  readonly sent: readonly unknown[];
  /** The code with which the client closed the connection. */
  readonly closed: number | undefined;
}

/** What remains of a client that was closed. */
interface Leftovers {
  readonly timers: number;
  readonly watching: number;
  readonly internalErrors: readonly unknown[];
  /** How many connections it made in its life. */
  readonly connections: number;
}

/** As it should be after a transcript. */
export const onlyItsConnection: Leftovers = {
  timers: 0,
  watching: 0,
  internalErrors: [],
  connections: 1,
};

/** Whether all that a transcript says can happen between a whole client and a server that uses a WebSocket library. */
export function isPossible({ steps }: Transcript, { subprotocol }: ClientProtocol): boolean {
  return steps.every((step) => {
    // `ws` refuses another subprotocol before the machine can
    if ('opens' in step) return step.opens === subprotocol;
    if ('offers' in step) return false;
    // no frame can say so
    if ('socketCloses' in step) return step.socketCloses !== 1015;
    // a client that is closed stops its operations first, and one without a socket has nothing to close
    return !('app' in step) || (steps.length > 3 && !steps.some(isLeftBehind));
  });
}

function isLeftBehind(step: Step): boolean {
  const outcomes = 'expect' in step ? step.expect : [];
  return outcomes.some(
    (outcome) =>
      typeof outcome === 'object' &&
      'lost' in outcome &&
      outcome.code === 1000 &&
      !outcome.retryable,
  );
}

class Replayer {
  readonly #server: ProtocolServer;
  readonly #watched: WatchedClient;
  readonly #peer: Promise<ProtocolPeer>;
  readonly #subscriptions = new Map<string, Unsubscribable>();
  #told: readonly Outcome[] = [];
  /** Whether it is known how the connection ended. */
  #isOver = false;
  #giveParameters: ((parameters: Parameters) => void) | undefined;

  constructor(server: ProtocolServer, socket: WebSocketOptions) {
    this.#server = server;
    this.#watched = watchClient(server.url, {
      socket,
      retry: false,
      idleTimeoutMs: Infinity,
      connectionParams: () => {
        this.#tell('initialise');
        return new Promise<Parameters>((resolve) => {
          this.#giveParameters = resolve;
        });
      },
      onConnected: (connected) => this.#tell({ connected }),
      onProtocolViolation: () => this.#tell('violation'),
    });
    const first = this.#watched.client.subscribe({ query: 'subscription { first }' });
    first.subscribe({}).unsubscribe();
    this.#peer = server.connection();
  }

  async take(step: Stimulus): Promise<void> {
    const peer = await this.#peer;
    if ('opens' in step) await until(() => this.#giveParameters !== undefined, 'an open socket');
    else if ('initialise' in step) this.#initialise(step.initialise);
    else if ('subscribe' in step) this.#subscribe(step.subscribe, step.request);
    else if ('cancel' in step) this.#subscriptions.get(step.cancel)?.unsubscribe();
    else if ('app' in step) this.#watched.client.close();
    else if ('server' in step) peer.write(JSON.stringify(shift(step.server)));
    else if ('raw' in step) peer.write(step.raw);
    else if ('socketCloses' in step) await this.#cut(peer, step.socketCloses);
    else await this.#watched.clock.advance(step.afterMs);
    await peer.rest();
  }

  /** What happened since the last call. */
  async heard(): Promise<Heard> {
    const peer = await this.#peer;
    const rest = await peer.rest();
    const sent = await peer.take(rest.length);
    const told = this.#told;
    this.#told = [];
    if (peer.isOpen || this.#isOver) return { told, sent, closed: undefined };
    this.#isOver = true;
    const { code } = await peer.closed();
    return { told, sent, closed: code };
  }

  /** Closes the client. */
  async finish(): Promise<Leftovers> {
    this.#watched.client.close();
    const peer = await this.#peer;
    await peer.gone();
    return {
      timers: this.#watched.clock.timerCount,
      watching: this.#watched.watching(),
      internalErrors: this.#watched.internalErrors,
      connections: this.#server.connectionCount,
    };
  }

  #initialise(parameters: JsonObject | 'without parameters'): void {
    this.#giveParameters?.(parameters === 'without parameters' ? undefined : parameters);
  }

  #subscribe(name: string, request = { query: `subscription { ${name} }` }): void {
    const handle = this.#watched.client.subscribe(request);
    const subscription = handle.subscribe({
      next: (is) => this.#tell({ result: name, is }),
      error: ({ closeCode = 0, retryable }) =>
        this.#tell({ lost: name, code: closeCode, retryable }),
      complete: () => this.#tell({ complete: name }),
    });
    this.#subscriptions.set(name, subscription);
  }

  async #cut(peer: ProtocolPeer, code: number): Promise<void> {
    if (!peer.isOpen) return;
    if (code === 1006) peer.vanish();
    else if (code === 1005) peer.close();
    else peer.close(code);
    this.#isOver = true;
    await this.#watched.lost();
  }

  #tell(event: Outcome): void {
    this.#told = [...this.#told, event];
  }
}

function toHeard(outcomes: readonly Outcome[]): Heard {
  let closed: number | undefined;
  const sent: unknown[] = [];
  for (const outcome of outcomes) {
    if (typeof outcome === 'string') continue;
    if ('send' in outcome) sent.push(shift(outcome.send));
    else if ('close' in outcome) closed = outcome.close;
  }
  return { told: outcomes.flatMap(toTold), sent, closed };
}

/** How a client tells its application what its machine puts out. */
function toTold(outcome: Outcome): readonly Outcome[] {
  if (typeof outcome === 'string') return [outcome];
  if ('error' in outcome) {
    return [{ result: outcome.error, is: { errors: outcome.are } }, { complete: outcome.error }];
  }
  // parameters that come from a function may be better the next time
  if ('lost' in outcome && outcome.code === 4403) return [{ ...outcome, retryable: true }];
  // an observer is not told that its operation has started
  const isUntold = ['send', 'close', 'connectionError', 'started'].some((kind) => kind in outcome);
  return isUntold ? [] : [outcome];
}

/** `message` with the id that is one more. */
function shift(message: unknown): unknown {
  if (typeof message !== 'object' || message === null || !('id' in message)) return message;
  const { id } = message;
  if (typeof id === 'number') return { ...message, id: id + 1 };
  return typeof id === 'string' && /^\d+$/.test(id)
    ? { ...message, id: `${Number(id) + 1}` }
    : message;
}
