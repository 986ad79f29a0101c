import { toByteString } from '../protocol/index.ts';
import type { ByteString, ResponseFraming } from '../protocol/index.ts';
import type { Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import type { ByteTarget } from './byte-target.ts';
import type { ServerCore } from './core.ts';
import type { Waiting } from './deadlines.ts';
import type { TextTarget, Writing } from './outbox.ts';
import { Outbox } from './outbox.ts';
import type { ByteStream, ResponseStream, ResponseStreamEvents } from './response-stream.ts';
import type { ResultText } from './result-text.ts';

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
  | {
      readonly kind: 'open';
      readonly stream: ResponseStream | ByteStream;
      readonly outbox: Outbox;
    }
  | { readonly kind: 'gone' };

/** One response that is a stream: heartbeats, and the same bounds on what waits for a slow reader as on sockets. */
export class StreamSession implements ResponseStreamEvents, Waiting {
  readonly #core: ServerCore;
  readonly #options: StreamOptions;
  readonly #heartbeatMs: number;
  #state: State;
  #heartbeatAt: Instant = never;
  #stalledAt: Instant = never;

  constructor(core: ServerCore, options: StreamOptions) {
    this.#core = core;
    this.#options = options;
    this.#heartbeatMs = core.keepAlive.heartbeatMs ?? heartbeatMs;
    const texts = new EarlyTexts();
    this.#state = { kind: 'early', texts, outbox: new Outbox(texts, core.limits) };
  }

  get deadline(): Instant {
    return Math.min(this.#heartbeatAt, this.#stalledAt);
  }

  /** The response begins. */
  open(stream: ResponseStream | ByteStream): ResponseStreamEvents {
    const { kind } = this.#state;
    if (kind === 'open' || kind === 'gone') {
      stream.destroy();
      return this;
    }
    const { texts, outbox } = this.#state;
    const { limits, flusher, deadlines } = this.#core;
    this.#state = { kind: 'open', stream, outbox: new Outbox(toTarget(stream), limits, flusher) };
    this.write(this.#options.opening + texts.joined);
    outbox.drained();
    if (kind === 'early-ended') this.end();
    else deadlines.watch(this);
    return this;
  }

  write(text: string): void {
    if (this.#state.kind === 'gone' || this.#state.kind === 'early-ended') return;
    const { outbox } = this.#state;
    this.#wrote(outbox.write(outbox.takesBytes ? toByteString(text) : text));
  }

  /** Writes a result as `framing` has it. */
  deliver(result: ResultText, framing: ResponseFraming): void {
    if (this.#state.kind === 'open' && this.#state.outbox.takesBytes)
      this.#wrote(result.pieceIn(framing).writeTo(this.#state.outbox));
    else this.write(framing.result(result.text));
  }

  /** Ends the response after `text`. */
  end(text = ''): void {
    if (text !== '') this.write(text);
    if (this.#state.kind === 'early') {
      this.#state = { ...this.#state, kind: 'early-ended' };
    } else if (this.#state.kind === 'open') {
      this.#state.outbox.writePending();
      this.#state.stream.end();
      this.#leave();
    }
  }

  /** Ends the connection: its client learns that the response is not complete. */
  cut(): void {
    if (this.#state.kind === 'open') this.#state.stream.destroy();
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
    if (this.#state.kind !== 'open') return;
    const { outbox } = this.#state;
    outbox.drained();
    if (outbox.isAwaited) this.#waitForReader();
  }

  closed(): void {
    this.#leave();
  }

  tick(now: Instant): void {
    if (this.#stalledAt <= now) this.#cutAsTooSlow();
    else if (this.#heartbeatAt <= now) this.write(this.#options.heartbeat);
  }

  #wrote(writing: Writing): void {
    if (writing === 'too-slow') this.#cutAsTooSlow();
    // whoever watches finds by itself that it moved on
    else if (this.#state.kind === 'open')
      this.#heartbeatAt = this.#core.clock.now() + this.#heartbeatMs;
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

function toTarget(stream: ResponseStream | ByteStream): TextTarget | ByteTarget {
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
