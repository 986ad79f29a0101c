import { writeJson } from '../../protocol/json-frame.ts';
import { never } from '../../vocabulary.ts';
import type { FormattedError, FormattedResult } from '../../vocabulary.ts';
import { provide } from '../transport.ts';
import type {
  Connection,
  ConnectionListener,
  ConnectionSettings,
  ResultSink,
  StartedOperation,
  Transport,
} from '../transport.ts';
import type { TransportError } from '../transport-error.ts';
import type { Departures } from './departures.ts';
import { movedOn, readFailure } from './failure.ts';
import { takeLock, watchLock } from './locks.ts';
import type { LocksLike } from './locks.ts';
import { sizeOf } from './messages.ts';
import type { HostMessage, OperationMessage, Question } from './messages.ts';
import { Pulse } from './pulse.ts';
import type { PulsePeriods } from './pulse.ts';
import type { AloneReason, Sharing, Way } from './way.ts';

/** What a {@link TabConnection} is made of. */
export interface TabConnectionParts extends PulsePeriods {
  /** For a connection of its own. */
  readonly transport: Transport;
  readonly settings: ConnectionSettings;
  /** The same, for a connection that others have as well. */
  readonly shared: ConnectionSettings;
  readonly listener: ConnectionListener;
  /** Where it looks for a host first, and where when that leads nowhere; `undefined` if there is no other way. */
  readonly nextWay: () => Way | undefined;
  readonly locks: LocksLike | undefined;
  readonly departures: Departures;
  /** How long a host has to answer. */
  readonly joinMs: number;
  /** What hosts said last of `confirmsStarts`. */
  readonly confirmsStarts: boolean;
  readonly onConnected: (confirmsStarts: boolean) => void;
  readonly onSharing: (sharing: Sharing) => void;
}

type State =
  /** Looks for a host. */
  | { readonly kind: 'joining' }
  /** A host carries its operations; `window` is what may wait here. */
  | { readonly kind: 'shared'; readonly pulse: Pulse; readonly window: number }
  /** Has a connection of its own. */
  | { readonly kind: 'alone'; readonly connection: Connection }
  | { readonly kind: 'over' };

/** An operation that has not ended. */
interface Running {
  readonly operation: StartedOperation;
  /** As hosts are told it: JSON. */
  readonly request: string;
  readonly sink: ResultSink;
  /** Stops it on a connection of its own. */
  stop?: () => void;
}

/** The connection that a tab's client sees: its operations run on one that others have as well. */
export class TabConnection implements Connection {
  readonly confirmsStarts: boolean;
  readonly #parts: TabConnectionParts;
  readonly #running = new Map<number, Running>();
  /** What is undone when the host is left. */
  readonly #undo: (() => void)[] = [];
  #way: Way | undefined;
  #state: State = { kind: 'joining' };
  #nextId = 1;
  #cancelTimer: (() => void) | undefined;
  /** What was processed and not reported. */
  #tookBytes = 0;

  constructor(parts: TabConnectionParts) {
    this.#parts = parts;
    this.confirmsStarts = parts.confirmsStarts;
    this.#look('unsupported');
  }

  start(operation: StartedOperation, sink: ResultSink): () => void {
    const id = this.#nextId++;
    const running = { operation, request: writeJson(operation.request), sink };
    this.#running.set(id, running);
    this.#begin(id, running);
    return () => this.#stop(id);
  }

  probe(): void {
    const { clock } = this.#parts.settings;
    if (this.#state.kind === 'alone') return this.#state.connection.probe?.();
    if (this.#state.kind !== 'shared') return;
    this.#way?.post({ type: 'probe' });
    this.#state.pulse.probe(clock.now());
    this.#tick();
  }

  close(): void {
    const state = this.#state;
    this.#sayGoodbye();
    this.#end();
    if (state.kind === 'alone') state.connection.close();
  }

  /**
   * Leaves those who share. What a page says before it is frozen arrives, and afterwards it shall find nothing that waits for it.
   *
   * @param reason - told to the client, to which it is a lost connection
   */
  leave(reason: string): void {
    if (this.#state.kind === 'alone') return;
    this.#sayGoodbye();
    this.#lose(movedOn(reason));
  }

  /**
   * Tries the next way. First the lock, then the word: a host that hears of a lock which is free takes the tab for gone.
   *
   * @param reason - why the last one led nowhere
   */
  #look(reason: AloneReason): void {
    const { nextWay, locks, joinMs, departures } = this.#parts;
    const way = nextWay();
    this.#way = way;
    if (!way) return this.#goAlone(reason);
    const isCurrent = (): boolean => this.#way === way;
    const events = {
      heard: (message: HostMessage) => this.#hear(message),
      lost: (failure: TransportError) => this.#lose(failure),
      // a host that was there is watched otherwise
      failed: () => isCurrent() && this.#isJoining && this.#turnBack('unsupported'),
    };
    this.#undo.push(departures(() => this.leave('The page is put away')));
    this.#wait(joinMs, () => this.#insist());
    if (!locks) return way.enter('', events);
    const name = `millrace/tab/${crypto.randomUUID()}`;
    const enter = (lock: string): void => {
      if (isCurrent() && this.#isJoining) way.enter(lock, events);
    };
    // without it silence has to tell
    const release = takeLock(locks, { name, taken: () => enter(name), lost: () => enter('') });
    this.#undo.push(release);
  }

  get #isJoining(): boolean {
    return this.#state.kind === 'joining';
  }

  #insist(): void {
    if (this.#way?.insist()) this.#wait(this.#parts.joinMs, () => this.#insist());
    else this.#turnBack('silent');
  }

  /** The way leads nowhere. */
  #turnBack(reason: AloneReason): void {
    this.#leave();
    this.#look(reason);
  }

  #goAlone(reason: AloneReason): void {
    const { transport, settings, listener, onSharing } = this.#parts;
    const connection = transport.connect(settings, {
      connected: (ackPayload) => listener.connected(ackPayload),
      violated: (message) => listener.violated(message),
      closed: (failure) => this.#lose(failure),
    });
    this.#state = { kind: 'alone', connection };
    onSharing({ kind: 'alone', reason });
    this.#beginAll();
  }

  #hear(message: HostMessage): void {
    const state = this.#state;
    if (state.kind === 'joining') return this.#beReceived(message);
    if (state.kind !== 'shared') return;
    if (state.pulse.heard(this.#parts.settings.clock.now())) this.#schedule();
    if ('operation' in message) this.#deliver(message);
    else this.#take(message);
    this.#tookBytes += sizeOf(message);
    // in there it may have been lost, or closed
    if (this.#state === state && this.#tookBytes >= state.window / 4) this.#reportTaken();
  }

  #beReceived(message: HostMessage): void {
    if (message.type === 'welcome') this.#join(message);
    else if (message.type === 'refused') this.#turnBack(message.reason);
  }

  #join({ lock, window }: Extract<HostMessage, { readonly type: 'welcome' }>): void {
    const { settings, locks, onSharing } = this.#parts;
    const pulse = new Pulse(this.#parts, settings.clock.now());
    this.#state = { kind: 'shared', pulse, window };
    if (locks && lock) {
      const gone = (): void => this.#lose(movedOn('The worker is gone'));
      this.#undo.push(watchLock(locks, lock, gone));
    }
    if (this.#way) onSharing(this.#way.sharing);
    this.#beginAll();
    this.#schedule();
  }

  #take(message: Exclude<HostMessage, OperationMessage>): void {
    const { listener, onConnected } = this.#parts;
    switch (message.type) {
      case 'connected':
        onConnected(message.confirmsStarts);
        return listener.connected(message.payload ? toObject(message.payload) : undefined);
      case 'violated':
        return listener.violated(message.message);
      case 'closed':
        return this.#lose(readFailure(message.failure));
      case 'ask':
        return void this.#answer(message.id, message.question);
      case 'pong':
      case 'welcome':
      case 'refused':
      // they say no more than that somebody is there
    }
  }

  /** Never rejects. */
  async #answer(id: number, question: Question): Promise<void> {
    const { shared } = this.#parts;
    let value = '';
    let problem = '';
    try {
      const provided = await provide<unknown>(shared[question]);
      const given = question === 'url' ? toAbsolute(String(provided)) : provided;
      if (given !== undefined) value = JSON.stringify(given);
    } catch (error) {
      problem = String(error);
    }
    if (this.#state.kind === 'shared') this.#way?.post({ type: 'answer', id, value, problem });
  }

  #deliver(message: OperationMessage): void {
    const sink = this.#running.get(message.operation)?.sink;
    if (!sink) return;
    if (message.type === 'started') return sink.started?.();
    if (message.type === 'next') return sink.next(toObject(message.result));
    this.#running.delete(message.operation);
    if (message.type === 'complete') sink.complete();
    else if (message.type === 'failed') sink.failed(readFailure(message.failure));
    else sink.error(JSON.parse(message.errors) as FormattedError[]); // as the host's transport gave them
  }

  #beginAll(): void {
    for (const [id, running] of this.#running) this.#begin(id, running);
  }

  #begin(id: number, running: Running): void {
    const { operation, request, sink } = running;
    if (this.#state.kind === 'alone') {
      running.stop = this.#state.connection.start(
        operation,
        toWatched(sink, () => this.#running.delete(id)),
      );
    } else if (this.#state.kind === 'shared') {
      this.#way?.post({ type: 'start', operation: id, kind: operation.kind, request });
    }
  }

  #stop(id: number): void {
    const running = this.#running.get(id);
    if (!running) return;
    this.#running.delete(id);
    if (this.#state.kind === 'shared') this.#way?.post({ type: 'stop', operation: id });
    else running.stop?.();
  }

  #reportTaken(): void {
    this.#way?.post({ type: 'took', size: this.#tookBytes });
    this.#tookBytes = 0;
  }

  #tick(): void {
    if (this.#state.kind !== 'shared') return;
    const act = this.#state.pulse.tick(this.#parts.settings.clock.now());
    if (act === 'lost') return this.#lose(movedOn('The one that holds the connection is silent'));
    if (act === 'ping') {
      this.#reportTaken();
      this.#way?.post({ type: 'ping' });
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#state.kind !== 'shared') return;
    const delayMs = this.#state.pulse.deadline - this.#parts.settings.clock.now();
    this.#wait(Math.max(0, delayMs), () => this.#tick());
  }

  #wait(delayMs: number, then: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer =
      delayMs < never ? this.#parts.settings.clock.schedule(then, delayMs) : undefined;
  }

  #lose(failure: TransportError): void {
    if (this.#state.kind === 'over') return;
    this.#end();
    this.#parts.listener.closed(failure);
  }

  #sayGoodbye(): void {
    if (this.#isJoining || this.#state.kind === 'shared') this.#way?.post({ type: 'leave' });
  }

  #end(): void {
    if (this.#state.kind !== 'alone') this.#leave();
    this.#state = { kind: 'over' };
    this.#running.clear();
  }

  /** Leaves the host, or stops looking for one. */
  #leave(): void {
    this.#cancelTimer?.();
    for (const undo of this.#undo.splice(0)) undo();
    this.#way?.leave();
  }
}

/** Calls `ended` before the last call of `sink`. */
function toWatched(sink: ResultSink, ended: () => void): ResultSink {
  return {
    started: () => sink.started?.(),
    next: (result) => sink.next(result),
    error: (errors) => {
      ended();
      sink.error(errors);
    },
    complete: () => {
      ended();
      sink.complete();
    },
    failed: (failure) => {
      ended();
      sink.failed(failure);
    },
  };
}

function toObject(text: string): FormattedResult & Readonly<Record<string, unknown>> {
  return JSON.parse(text) as FormattedResult & Readonly<Record<string, unknown>>; // as the host's transport gave it
}

/** A worker, or another page, may be elsewhere. */
function toAbsolute(url: string): string {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  return new URL(url, location?.href).href;
}
