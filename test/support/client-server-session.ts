import assert from 'node:assert/strict';

import type { ClosingCode } from '../../src/errors.ts';
import type {
  ServerConnection,
  ServerOperation,
  ServerOutput,
} from '../../src/protocol/connection.ts';
import { createServerConnection } from '../../src/protocol/server-connection.ts';
import type { WebSocketProtocol } from '../../src/vocabulary.ts';
import type { QuickClock } from './client-clock.ts';
import type { Link, Peer } from './client-network.ts';
import { ServerLedger } from './server-ledger.ts';

/** What the connect hook of the server does. */
export type Mood = 'accept' | 'refuse' | 'fail' | 'never';

/** What a session is made of. */
export interface SessionParts {
  readonly protocol: WebSocketProtocol;
  readonly clock: QuickClock;
  readonly mood: () => Mood;
  /** Called for each operation that starts. */
  readonly started: (operation: ServedOperation) => void;
}

/** Ends that a client which keeps the rules never suffers. */
const accusations: ReadonlySet<string> = new Set([
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'DUPLICATE_OPERATION_ID',
  'TOO_MANY_INITS',
  'TOO_MANY_CONTROL_MESSAGES',
] satisfies ClosingCode[]);

/** One socket as a server serves it, with the real machine. */
export class ServerSession implements Peer {
  readonly running: ServedOperation[] = [];
  readonly #link: Link;
  readonly #parts: SessionParts;
  readonly #machine: ServerConnection;
  readonly #ledger: ServerLedger;
  #cancelTimer: (() => void) | undefined;
  #isHungUp = false;

  constructor(link: Link, parts: SessionParts) {
    this.#link = link;
    this.#parts = parts;
    this.#machine = createServerConnection(parts.protocol, parts.clock.now());
    this.#ledger = new ServerLedger(this.#machine);
    this.#schedule();
  }

  message(frame: string): void {
    this.apply(this.#machine.receive(frame, this.#now()));
  }

  closed(): void {
    this.apply(this.#machine.closed());
  }

  hangUp(error: ClosingCode): void {
    this.#isHungUp = true;
    this.apply(this.#machine.close(this.#now(), error));
  }

  /** After the socket is gone. */
  finish(): void {
    this.#ledger.finish();
    assert.equal(this.running.length, 0);
  }

  /** Does what the machine says. */
  apply(outputs: readonly ServerOutput[]): void {
    for (const output of this.#ledger.enter(outputs)) this.#apply(output);
    this.#schedule();
  }

  #apply(output: ServerOutput): void {
    switch (output.kind) {
      case 'send':
        return this.#link.push(output.frame);
      case 'ping':
        return this.#link.ping(() => this.#machine.heard(this.#now()));
      case 'connect':
        return this.#connect();
      case 'renew':
        return this.apply(this.#machine.renewed(output.echo));
      case 'start':
        return this.#start(output.operation, Number(output.request.variables?.['number']));
      case 'cancel':
        return this.#forget(output.operation);
      case 'close':
        assert(this.#isHungUp || !accusations.has(output.error), `accused of ${output.error}`);
        return this.#link.hangUp(output.code, output.reason);
      case 'destroy':
        return this.#link.destroy();
    }
  }

  #connect(): void {
    const now = this.#now();
    const answers = {
      accept: () => this.#machine.accept(now),
      refuse: () => this.#machine.refuse(now, {}),
      fail: () => this.#machine.fail(now),
      never: () => [],
    } satisfies Record<Mood, () => readonly ServerOutput[]>;
    this.apply(answers[this.#parts.mood()]());
  }

  #start(operation: ServerOperation, number: number): void {
    const served = new ServedOperation(number, {
      deliver: (resultText) =>
        this.#link.push(this.#machine.encodeResult(operation.id, resultText)),
      end: () => {
        this.#forget(operation);
        this.apply(this.#machine.complete(operation));
      },
      fail: () => {
        this.#forget(operation);
        this.apply(this.#machine.error(operation, [{ message: 'no' }]));
      },
    });
    operation.work = served;
    this.running.push(served);
    this.#parts.started(served);
  }

  #forget(operation: ServerOperation): void {
    this.running.splice(this.running.indexOf(operation.work as ServedOperation), 1); // as `start` left it
  }

  #schedule(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { deadline } = this.#machine;
    if (deadline === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = this.#parts.clock.schedule(
      () => this.apply(this.#machine.tick(this.#now())),
      deadline - this.#now(),
    );
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}

interface Delivery {
  readonly deliver: (resultText: string) => void;
  readonly end: () => void;
  readonly fail: () => void;
}

/** One operation as a server runs it; its results say which attempt of which operation they belong to. */
export class ServedOperation {
  readonly number: number;
  /** How many times this operation was started before; its account knows. */
  attempt = 0;
  isSubscription = true;
  delivered = 0;
  readonly #delivery: Delivery;

  constructor(number: number, delivery: Delivery) {
    this.number = number;
    this.#delivery = delivery;
  }

  deliver(): void {
    const { number, attempt, delivered } = this;
    this.delivered += 1;
    this.#delivery.deliver(JSON.stringify({ data: { number, attempt, index: delivered } }));
  }

  end(): void {
    this.#delivery.end();
  }

  fail(): void {
    this.#delivery.fail();
  }
}
