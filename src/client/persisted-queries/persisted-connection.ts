import type {
  Connection,
  ConnectionListener,
  ConnectionSettings,
  ResultSink,
  StartedOperation,
  Transport,
} from '../transport.ts';
import type { Hashes } from './hashes.ts';
import { PersistedOperation } from './persisted-operation.ts';
import { refusalIn } from './refusal.ts';

/** What a connection that is sent hashes is made of. */
export interface PersistedConnectionParts {
  readonly transport: Transport;
  readonly settings: ConnectionSettings;
  readonly listener: ConnectionListener;
  readonly hashes: Hashes;
  readonly texts: 'when-unknown' | 'never';
}

/** A connection of another transport; or one after the other, where each takes one request. */
export class PersistedConnection implements Connection {
  readonly #parts: PersistedConnectionParts;
  #connection: Connection;
  /** The operation that began last: where a connection has one, it is that. */
  #operation: PersistedOperation | undefined;
  /** The connection took a request. */
  #isUsed = false;
  #isConnected = false;
  #isOver = false;

  constructor(parts: PersistedConnectionParts) {
    this.#parts = parts;
    this.#connection = this.#connect();
  }

  get confirmsStarts(): boolean {
    return this.#connection.confirmsStarts === true;
  }

  start(operation: StartedOperation, sink: ResultSink): () => void {
    const running = new PersistedOperation({
      ...this.#parts,
      operation,
      sink,
      start: (...request) => this.#start(...request),
      isOver: () => this.#isOver,
    });
    this.#operation = running;
    running.begin();
    return () => running.stop();
  }

  probe(): void {
    this.#connection.probe?.();
  }

  close(): void {
    this.#isOver = true;
    this.#connection.close();
  }

  #connect(): Connection {
    const { transport, settings, listener } = this.#parts;
    return transport.connect(settings, {
      connected: (ackPayload) => {
        if (this.#isConnected) return;
        this.#isConnected = true;
        listener.connected(ackPayload);
      },
      violated: (message) => listener.violated(message),
      closed: (failure) => {
        // over HTTP the refusal of a hash may be a status that makes it a failure
        if (!transport.isShared && this.#operation?.answers(refusalIn(failure))) return;
        this.#isOver = true;
        listener.closed(failure);
      },
    });
  }

  #start(operation: StartedOperation, sink: ResultSink): () => void {
    if (this.#isUsed && !this.#parts.transport.isShared) {
      this.#connection.close();
      this.#connection = this.#connect();
    }
    this.#isUsed = true;
    return this.#connection.start(operation, sink);
  }
}
