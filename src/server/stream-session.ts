import { toByteString } from '../protocol/index.ts';
import type { ByteString } from '../protocol/index.ts';
import type { Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import type { ByteTarget } from './byte-target.ts';
import type { ServerCore } from './core.ts';
import type { Waiting } from './deadlines.ts';
import type { Writing } from './outbox.ts';
import { Outbox } from './outbox.ts';
import type { ByteStream, ResponseStream, ResponseStreamEvents } from './response-stream.ts';
import type { ResultText } from './result-text.ts';
import type { ResultReader } from './slow-consumer.ts';
import type { TextTarget } from './turn-output.ts';

/** What a {@link StreamSession} writes besides what it is given. */
export interface StreamOptions {
  /** Sent at once. */
  readonly opening: string;
  /** Sent after some silence. */
  readonly heartbeat: string;
  /** Called once when nothing more can be written: ended, cut off, or left by its client. */
  readonly onGone: () => void;
}

const heartbeatMs = 12_000;

/** Head and opening wait in the socket when a first result follows at once; they say nothing about the reader. */
const headBytes = 1_024;

type State =
  /** The adapter has not begun to answer; what was written waits here. */
  | { readonly kind: 'early'; readonly texts: EarlyTexts; readonly outbox: Outbox }
  /** The same, and nothing follows. */
  | { readonly kind: 'early-ended'; readonly texts: EarlyTexts; readonly outbox: Outbox }
  | { readonly kind: 'open'; readonly stream: AnyStream; readonly outbox: Outbox }
  /** Nothing follows but what waits for room. */
  | { readonly kind: 'ending'; readonly stream: AnyStream; readonly outbox: Outbox }
  | { readonly kind: 'gone' };

type AnyStream = ResponseStream | ByteStream;

/** One response that is a stream: heartbeats, and the same bounds on what waits for a slow reader as on sockets. */
export class StreamSession implements ResponseStreamEvents, Waiting {
  readonly #core: ServerCore;
  readonly #options: StreamOptions;
  #state: State;
  #heartbeatAt: Instant = never;
  #stalledAt: Instant = never;

  constructor(core: ServerCore, options: StreamOptions) {
    this.#core = core;
    this.#options = options;
    const texts = new EarlyTexts();
    this.#state = { kind: 'early', texts, outbox: new Outbox(texts, core.limits, core) };
  }

  get deadline(): Instant {
    return Math.min(this.#heartbeatAt, this.#stalledAt);
  }

  /** The response begins. */
  open(stream: AnyStream): ResponseStreamEvents {
    const { kind } = this.#state;
    if (kind !== 'early' && kind !== 'early-ended') {
      stream.destroy();
      return this;
    }
    const { texts, outbox: early } = this.#state;
    const outbox = new Outbox(toTarget(stream), this.#core.limits, this.#core);
    this.#state = { kind: 'open', stream, outbox };
    this.write(this.#options.opening + texts.joined);
    outbox.continueFrom(early);
    if (kind === 'early-ended') this.#endWhenWritten();
    else this.#core.deadlines.watch(this);
    return this;
  }

  /** Writes what is no result. */
  write(text: string): void {
    const outbox = this.#writable;
    if (outbox) this.#judge(outbox.writeMessage(outbox.takesBytes ? toByteString(text) : text));
  }

  /** Writes a result of an operation. */
  deliver(reader: ResultReader, result: ResultText): void {
    const outbox = this.#writable;
    if (outbox) this.#judge(outbox.deliver(reader, result));
  }

  /** Writes what ends an operation, after its results. */
  finish(reader: ResultReader, text: string): void {
    const outbox = this.#writable;
    if (outbox) this.#judge(outbox.end(reader, text));
  }

  /** What waits for the operations that are meant is not written any more. */
  forget(isMeant: (reader: ResultReader) => boolean): void {
    this.#writable?.forget(isMeant);
  }

  /** Ends the response after what was written. */
  end(): void {
    if (this.#state.kind === 'early') this.#state = { ...this.#state, kind: 'early-ended' };
    else if (this.#state.kind === 'open') this.#endWhenWritten();
  }

  /** Ends the connection: its client learns that the response is not complete. */
  cut(): void {
    if (this.#state.kind === 'open' || this.#state.kind === 'ending') this.#state.stream.destroy();
    this.#leave();
  }

  /** If more would only pile up: a promise that resolves when there is room. */
  room(): Promise<void> | undefined {
    if (this.#state.kind === 'gone' || !this.#state.outbox.isCrowded) return undefined;
    if (this.#state.kind === 'open' && !this.#state.outbox.isAwaited) this.#waitForReader();
    return this.#state.outbox.room();
  }

  drained(): void {
    this.#stalledAt = never;
    if (this.#state.kind !== 'open' && this.#state.kind !== 'ending') return;
    const { outbox } = this.#state;
    outbox.drained();
    if (this.#state.kind === 'ending') this.#endWhenWritten();
    else if (outbox.isAwaited) this.#waitForReader();
  }

  closed(): void {
    this.#leave();
  }

  tick(now: Instant): void {
    if (this.#stalledAt <= now) this.#cutAsTooSlow();
    else if (this.#heartbeatAt <= now) this.write(this.#options.heartbeat);
  }

  get #writable(): Outbox | undefined {
    const { kind } = this.#state;
    return kind === 'early' || kind === 'open' ? this.#state.outbox : undefined;
  }

  #judge(writing: Writing): void {
    if (writing === 'too-slow') return this.#cutAsTooSlow();
    if (this.#state.kind !== 'open') return;
    // whoever watches finds by itself that it moved on
    const { keepAlive, clock } = this.#core;
    this.#heartbeatAt = clock.now() + (keepAlive.heartbeatMs ?? heartbeatMs);
  }

  #endWhenWritten(): void {
    if (this.#state.kind !== 'open' && this.#state.kind !== 'ending') return;
    const { stream, outbox } = this.#state;
    if (outbox.isHolding) {
      this.#state = { kind: 'ending', stream, outbox };
      return this.#waitForReader();
    }
    outbox.writePending();
    stream.end();
    this.#leave();
  }

  #cutAsTooSlow(): void {
    this.#core.counters.slowConsumerDisconnects += 1;
    this.cut();
  }

  #waitForReader(): void {
    this.#stalledAt = this.#core.clock.now() + this.#core.limits.stalledMs;
    this.#core.deadlines.watch(this);
  }

  #leave(): void {
    if (this.#state.kind === 'gone') return;
    const { outbox } = this.#state;
    this.#state = { kind: 'gone' };
    this.#heartbeatAt = never;
    this.#stalledAt = never;
    this.#core.deadlines.forget(this);
    this.#options.onGone();
    outbox.discard();
  }
}

function toTarget(stream: AnyStream): TextTarget | ByteTarget {
  return 'write' in stream ? new OpenTexts(stream) : new OpenBytes(stream);
}

/** A stream less its head. */
class OpenTexts implements TextTarget {
  readonly #stream: ResponseStream;

  constructor(stream: ResponseStream) {
    this.#stream = stream;
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#stream.bufferedBytes - headBytes);
  }

  send(text: string): void {
    this.#stream.write(text);
  }
}

/** A stream that takes bytes, less its head. */
class OpenBytes implements ByteTarget {
  readonly #stream: ByteTarget;

  constructor(stream: ByteTarget) {
    this.#stream = stream;
  }

  get bufferedBytes(): number {
    return Math.max(0, this.#stream.bufferedBytes - headBytes);
  }

  writeBytes(bytes: ByteString): void {
    this.#stream.writeBytes(bytes);
  }

  writeShared(head: ByteString, shared: Uint8Array): void {
    this.#stream.writeShared(head, shared);
  }

  notifyDrained(): void {
    this.#stream.notifyDrained();
  }
}

/** What is written before there is anything to write to. */
class EarlyTexts implements TextTarget {
  readonly #texts: string[] = [];
  /** Its characters: close enough for a bound. */
  bufferedBytes = 0;

  get joined(): string {
    return this.#texts.join('');
  }

  send(text: string): void {
    this.#texts.push(text);
    this.bufferedBytes += text.length;
  }
}
