import type {
  Connection,
  ConnectionListener,
  ResultSink,
  StartedOperation,
  Transport,
} from '../../src/client/transport.ts';
import { TransportError } from '../../src/client/transport-error.ts';

/** What failed, where a test does not care. */
export const unreachable = new TransportError('CONNECTION_LOST', 'nobody answers', true);

/** A connection of which the test says what becomes of it. */
export class ScriptedConnection implements Connection {
  readonly listener: ConnectionListener;
  state: 'connecting' | 'connected' | 'gone' = 'connecting';
  /** What runs on it. */
  readonly started = new Map<ResultSink, StartedOperation>();

  readonly confirmsStarts: boolean;
  /** How often something was started on it. */
  starts = 0;

  constructor(listener: ConnectionListener, confirmsStarts: boolean) {
    this.listener = listener;
    this.confirmsStarts = confirmsStarts;
  }

  start(operation: StartedOperation, sink: ResultSink): () => void {
    this.starts += 1;
    this.started.set(sink, operation);
    return () => this.started.delete(sink);
  }

  close(): void {
    this.state = 'gone';
    this.started.clear();
  }

  serve(): void {
    this.state = 'connected';
    this.listener.connected();
  }

  fail(failure: TransportError = unreachable): void {
    this.state = 'gone';
    this.started.clear();
    this.listener.closed(failure);
  }

  /** Ends the first operation on it, and nothing else. */
  failOne(failure: TransportError): void {
    const [sink] = this.started.keys();
    if (!sink) throw new Error('nothing was started');
    this.started.delete(sink);
    sink.failed(failure);
  }

  /** Ends everything on it with one result. */
  answer(): void {
    const sinks = [...this.started.keys()];
    this.started.clear();
    for (const sink of sinks) {
      sink.next({ data: {} });
      sink.complete();
    }
  }
}

/** A transport whose connections the test serves and ends. */
export class ScriptedTransport implements Transport {
  readonly isShared: boolean;
  readonly connections: ScriptedConnection[] = [];

  readonly #confirmsStarts: boolean;

  constructor(kind: 'shared' | 'single', confirmsStarts = false) {
    this.isShared = kind === 'shared';
    this.#confirmsStarts = confirmsStarts;
  }

  /** Those that are not gone. */
  get inUse(): readonly ScriptedConnection[] {
    return this.connections.filter(({ state }) => state !== 'gone');
  }

  /** The newest connection. */
  get last(): ScriptedConnection {
    const last = this.connections.at(-1);
    if (!last) throw new Error('nobody has connected');
    return last;
  }

  connect(_settings: unknown, listener: ConnectionListener): Connection {
    const connection = new ScriptedConnection(listener, this.#confirmsStarts);
    this.connections.push(connection);
    return connection;
  }
}
