import { expect } from 'vitest';

import type {
  ClientConnection,
  ClientOperation,
  ClientOutput,
} from '../../src/protocol/connection.ts';
import type { Outcome, Step, Transcript } from './client-transcript.ts';

/** Replays a transcript against a connection whose socket is not open yet. */
export function replay(transcript: Transcript, connection: ClientConnection): void {
  const replayer = new Replayer(connection);
  for (const step of transcript.steps) {
    if ('expect' in step) expect(replayer.drain()).toEqual(step.expect);
    else if ('offers' in step) expect(connection.subprotocol).toBe(step.offers);
    else replayer.take(step);
  }
  expect(replayer.drain()).toEqual([]);
}

type Stimulus = Exclude<Step, { readonly expect: unknown } | { readonly offers: unknown }>;

class Replayer {
  readonly #connection: ClientConnection;
  readonly #operations = new Map<string, ClientOperation>();
  #now = 0;
  #outcomes: readonly Outcome[] = [];

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  take(step: Stimulus): void {
    const outcomes = this.#apply(step).map((output) => this.#describe(output));
    this.#outcomes = [...this.#outcomes, ...outcomes];
  }

  /** What has come out since the last call. */
  drain(): readonly Outcome[] {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    return outcomes;
  }

  #apply(step: Stimulus): readonly ClientOutput[] {
    const connection = this.#connection;
    if ('opens' in step) return connection.opened(this.#now, step.opens);
    if ('initialise' in step) {
      return step.initialise === 'without parameters'
        ? connection.initialise(this.#now)
        : connection.initialise(this.#now, step.initialise);
    }
    if ('subscribe' in step) return this.#subscribe(step.subscribe, step.request);
    if ('cancel' in step) return connection.cancel(this.#operation(step.cancel));
    if ('app' in step) return connection.close();
    if ('server' in step) return connection.receive(JSON.stringify(step.server), this.#now);
    if ('raw' in step) return connection.receive(step.raw, this.#now);
    if ('socketCloses' in step) return connection.closed(step.socketCloses, '');
    return this.#wait(step.afterMs);
  }

  #subscribe(
    name: string,
    request = { query: `subscription { ${name} }` },
  ): readonly ClientOutput[] {
    const { operation, outputs } = this.#connection.subscribe(request);
    this.#operations.set(name, operation);
    return outputs;
  }

  /** Ticks at each deadline on the way, as a shell would. */
  #wait(ms: number): readonly ClientOutput[] {
    const end = this.#now + ms;
    const outputs: ClientOutput[] = [];
    while (this.#connection.deadline <= end) {
      this.#now = this.#connection.deadline;
      outputs.push(...this.#connection.tick(this.#now));
    }
    this.#now = end;
    return outputs;
  }

  #operation(name: string): ClientOperation {
    const operation = this.#operations.get(name);
    if (operation === undefined) throw new Error(`The transcript never started ${name}.`);
    return operation;
  }

  #nameOf(operation: ClientOperation): string {
    const found = [...this.#operations].find(([, started]) => started === operation);
    return found?.[0] ?? 'an operation that nobody started';
  }

  #describe(output: ClientOutput): Outcome {
    switch (output.kind) {
      case 'initialise':
      case 'violation':
        return output.kind;
      case 'send':
        return { send: JSON.parse(output.frame) };
      case 'connected':
        return { connected: output.ackPayload };
      case 'result':
        return { result: this.#nameOf(output.operation), is: output.result };
      case 'error':
        return { error: this.#nameOf(output.operation), are: output.errors };
      case 'started':
        return { started: this.#nameOf(output.operation) };
      case 'complete':
        return { complete: this.#nameOf(output.operation) };
      case 'lost': {
        const { operation, code, retryable } = output;
        return { lost: this.#nameOf(operation), code, retryable };
      }
      case 'connection-error':
        return { connectionError: output.payload };
      case 'close':
        return { close: output.code };
    }
  }
}
