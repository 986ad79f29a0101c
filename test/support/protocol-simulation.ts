import assert from 'node:assert/strict';

import type {
  ClientConnection,
  ClientOperation,
  ClientOutput,
  ServerConnection,
  ServerOperation,
  ServerOutput,
} from '../../src/protocol/connection.ts';
import { ClientLedger } from './client-ledger.ts';
import { ServerLedger } from './server-ledger.ts';

/** Something that happens in the world of a simulation; `which` picks among the operations that exist. */
export type Act =
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'client'; readonly does: 'initialise' | 'subscribe' | 'leave' }
  | { readonly kind: 'cancel'; readonly which: number }
  | { readonly kind: 'server'; readonly does: 'accept' | 'refuse' | 'fail' | 'go away' }
  | { readonly kind: 'source'; readonly does: 'deliver' | 'end' | 'fail'; readonly which: number }
  /** `cut` loses what is under way, and both sides learn of it; after `stall` nothing moves for a minute, and nobody does. */
  | { readonly kind: 'network'; readonly does: 'cut' | 'stall' };

interface Packet {
  readonly at: number;
  readonly arrive: () => void;
}

/** What a server may decide for the whole connection. */
const intentions = {
  accept: (server: ServerConnection, now: number) => server.accept(now),
  refuse: (server: ServerConnection, now: number) => server.refuse(now, {}),
  fail: (server: ServerConnection, now: number) => server.fail(now),
  'go away': (server: ServerConnection, now: number) => server.close(now, 'GOING_AWAY'),
};

/** A client and a server connection, the network between them, an application on either side, and virtual time. */
export class ProtocolSimulation {
  readonly client: ClientConnection;
  readonly server: ServerConnection;
  readonly clientLedger: ClientLedger;
  readonly serverLedger: ServerLedger;
  /** How the server closed, if it did. */
  serverClose: Extract<ServerOutput, { kind: 'close' }> | undefined;
  readonly #delays: readonly number[];
  readonly #delivered = new Map<ServerOperation, number>();
  #toClient: Packet[] = [];
  #toServer: Packet[] = [];
  #packets = 0;
  #now = 0;

  constructor(client: ClientConnection, server: ServerConnection, delays: readonly number[]) {
    this.client = client;
    this.server = server;
    this.clientLedger = new ClientLedger(client);
    this.serverLedger = new ServerLedger(server);
    this.#delays = delays;
    this.#fromClient(client.opened(0, client.subprotocol));
  }

  act(act: Act): void {
    switch (act.kind) {
      case 'wait':
        return this.#advance(act.ms);
      case 'client':
        return this.#actAsClient(act.does);
      case 'cancel':
        return this.#cancel(act.which);
      case 'server':
        return this.#fromServer(intentions[act.does](this.server, this.#now));
      case 'source':
        return this.#actAsSource(act.does, act.which);
      case 'network':
        return act.does === 'cut' ? this.#cut() : this.#stall();
    }
  }

  /** Lets everything that is under way arrive, then loses the connection, and audits. */
  finish(): void {
    this.#advance(10_000);
    this.#cut();
    this.#advance(120_000);
    this.clientLedger.finish();
    this.serverLedger.finish();
    for (const operation of this.clientLedger.operations) this.#auditResults(operation);
  }

  #auditResults(operation: ClientOperation): void {
    const numbers = this.clientLedger.resultsOf(operation).map((result) => result.data);
    // Every result arrived once and in order, from the first on, without a hole.
    assert.deepEqual(
      numbers,
      Array.from(numbers, (_, index) => index),
    );
    const end = this.clientLedger.endOf(operation);
    if (end !== 'complete' && end !== 'error') return;
    const source = this.serverLedger.started.find(({ id }) => id === operation.id);
    assert(source, 'an operation ended that the server never started');
    assert.equal(
      numbers.length,
      this.#delivered.get(source) ?? 0,
      'a result was lost before the end',
    );
  }

  #actAsClient(does: 'initialise' | 'subscribe' | 'leave'): void {
    switch (does) {
      case 'initialise':
        return this.#fromClient(this.client.initialise(this.#now));
      case 'subscribe':
        return this.#sendFromClient(this.clientLedger.subscribe());
      case 'leave':
        return this.#fromClient(this.client.close());
    }
  }

  #cancel(which: number): void {
    const operation = pick(this.clientLedger.operations, which);
    if (operation !== undefined) this.#sendFromClient(this.clientLedger.cancel(operation));
  }

  #actAsSource(does: 'deliver' | 'end' | 'fail', which: number): void {
    const operation = pick(this.serverLedger.started, which);
    if (operation === undefined) return;
    switch (does) {
      case 'deliver':
        if (operation.mayDeliver) this.#deliver(operation);
        return;
      case 'end':
        return this.#fromServer(this.server.complete(operation));
      case 'fail':
        return this.#fromServer(this.server.error(operation, [{ message: 'no' }]));
    }
  }

  #deliver(operation: ServerOperation): void {
    const number = this.#delivered.get(operation) ?? 0;
    this.#delivered.set(operation, number + 1);
    const frame = this.server.encodeResult(operation.id, JSON.stringify({ data: number }));
    this.#post(this.#toClient, () => this.#fromClient(this.client.receive(frame, this.#now)));
  }

  #fromClient(outputs: readonly ClientOutput[]): void {
    this.#sendFromClient(this.clientLedger.enter(outputs));
  }

  #sendFromClient(outputs: readonly ClientOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'send') {
        this.#post(this.#toServer, () =>
          this.#fromServer(this.server.receive(output.frame, this.#now)),
        );
      }
      if (output.kind === 'close')
        this.#post(this.#toServer, () => this.#fromServer(this.server.closed()));
    }
  }

  #fromServer(outputs: readonly ServerOutput[]): void {
    for (const output of this.serverLedger.enter(outputs)) {
      switch (output.kind) {
        case 'send':
          this.#post(this.#toClient, () =>
            this.#fromClient(this.client.receive(output.frame, this.#now)),
          );
          break;
        case 'ping':
          this.#post(this.#toClient, () =>
            this.#post(this.#toServer, () => this.server.heard(this.#now)),
          );
          break;
        case 'close':
          this.serverClose = output;
          this.#post(this.#toClient, () => this.#closeFromServer(output.code, output.reason));
          break;
        case 'destroy':
          this.#cut();
          break;
        case 'connect':
        case 'renew':
        case 'start':
        case 'cancel':
          break;
      }
    }
  }

  #closeFromServer(code: number, reason: string): void {
    this.#fromClient(this.client.closed(code, reason));
    this.#post(this.#toServer, () => this.#fromServer(this.server.closed()));
  }

  #cut(): void {
    this.#toClient = [];
    this.#toServer = [];
    this.#post(this.#toClient, () => this.#fromClient(this.client.closed(1006, '')));
    this.#post(this.#toServer, () => this.#fromServer(this.server.closed()));
  }

  #stall(): void {
    this.#toClient.push({ at: this.#now + 60_000, arrive: () => {} });
    this.#toServer.push({ at: this.#now + 60_000, arrive: () => {} });
  }

  /** The network keeps the order of what goes in one direction, whatever the delays. */
  #post(pipe: Packet[], arrive: () => void): void {
    const delay = this.#delays[this.#packets++ % this.#delays.length] ?? 0;
    pipe.push({ at: Math.max(pipe.at(-1)?.at ?? 0, this.#now + delay), arrive });
  }

  #advance(ms: number): void {
    const end = this.#now + ms;
    for (let step = 0; ; step++) {
      assert(step < 10_000, 'time does not pass');
      const next = Math.min(
        this.#toClient[0]?.at ?? end,
        this.#toServer[0]?.at ?? end,
        this.client.deadline,
        this.server.deadline,
      );
      if (next >= end) break;
      this.#now = Math.max(this.#now, next);
      this.#takeDue();
    }
    this.#now = end;
  }

  #takeDue(): void {
    if (this.#isDue(this.#toClient)) this.#toClient.shift()?.arrive();
    if (this.#isDue(this.#toServer)) this.#toServer.shift()?.arrive();
    this.#fromClient(this.client.tick(this.#now));
    this.#fromServer(this.server.tick(this.#now));
  }

  #isDue(pipe: readonly Packet[]): boolean {
    const [first] = pipe;
    return first !== undefined && first.at <= this.#now;
  }
}

function pick<Item>(items: readonly Item[], which: number): Item | undefined {
  return items[which % items.length];
}
