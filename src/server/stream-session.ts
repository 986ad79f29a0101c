import { toByteString } from '../protocol/index.ts';
import type { ResponseFraming } from '../protocol/index.ts';
import type { Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import type { ServerCore } from './core.ts';
import type { Waiting } from './deadlines.ts';
import type { Writing } from './outbox.ts';
import { Outbox } from './outbox.ts';
import type { ByteStream, ResponseStream, ResponseStreamEvents } from './response-stream.ts';
import type { ResultText } from './result-text.ts';
import type { ResultReader } from './slow-consumer.ts';
import type { TextTarget } from './turn-output.ts';

/** Whose stream a {@link StreamSession} is. */
export interface StreamOwner {
  /** What is written at once, and after some silence. */
  readonly framing: Pick<ResponseFraming, 'opening' | 'heartbeat'>;
  /** Called when an adapter carries the stream: from now on it tells when the client leaves. */
  opened?(): void;
  /** Called once when nothing more can be written. */
  gone(end: StreamEnd): void;
}

/** Whether the client left, or a stream was ended or cut off here. */
export type StreamEnd = 'left' | 'ended';

const heartbeatMs = 12_000;

/** Head, opening and the id of the start wait when a first result follows at once; they say nothing about the reader. */
const headBytes = 1_024;

/** Where a stream stands; `ending` and `early-ended`: nothing follows but what waits for room, or for the adapter to begin. */
type Phase = 'early' | 'early-ended' | 'open' | 'ending' | 'gone';

type AnyStream = ResponseStream | ByteStream;

/** One response that is a stream: heartbeats, and the same bounds on what waits for a slow reader as on sockets. */
export class StreamSession implements ResponseStreamEvents, Waiting {
  readonly #core: ServerCore;
  readonly #owner: StreamOwner;
  slot: number | undefined = undefined;
  #phase: Phase = 'early';
  #carrier: EarlyTexts | AnyStream;
  #outbox: Outbox;
  #heartbeatAt: Instant | undefined;
  #stalledAt: Instant | undefined;

  constructor(core: ServerCore, owner: StreamOwner) {
    const texts = new EarlyTexts();
    this.#core = core;
    this.#owner = owner;
    this.#carrier = texts;
    this.#outbox = new HeadedOutbox(texts, core.limits, core);
  }

  get deadline(): Instant {
    return Math.min(this.#heartbeatAt ?? never, this.#stalledAt ?? never);
  }

  /** The response begins. */
  open(stream: AnyStream): ResponseStreamEvents {
    const phase = this.#phase;
    const texts = this.#carrier;
    if (!(texts instanceof EarlyTexts) || phase === 'gone') {
      stream.destroy();
      return this;
    }
    const early = this.#outbox;
    this.#phase = 'open';
    this.#carrier = stream;
    const target = 'write' in stream ? new OpenTexts(stream) : stream;
    this.#outbox = new HeadedOutbox(target, this.#core.limits, this.#core);
    this.#owner.opened?.();
    this.write(this.#owner.framing.opening + texts.joined);
    this.#outbox.continueFrom(early);
    if (phase === 'early-ended') this.#endWhenWritten();
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
    if (this.#phase === 'early') this.#phase = 'early-ended';
    else if (this.#phase === 'open') this.#endWhenWritten();
  }

  /** Ends the connection: its client learns that the response is not complete. */
  cut(): void {
    this.#openStream?.destroy();
    this.#leave('ended');
  }

  /** If more would only pile up: a promise that resolves when there is room. */
  room(): Promise<void> | undefined {
    if (this.#phase === 'gone' || !this.#outbox.isCrowded) return undefined;
    if (this.#phase === 'open' && !this.#outbox.isAwaited) this.#waitForReader();
    return this.#outbox.room();
  }

  drained(): void {
    this.#stalledAt = undefined;
    if (!this.#openStream) return;
    this.#outbox.drained();
    if (this.#phase === 'ending') this.#endWhenWritten();
    else if (this.#outbox.isAwaited) this.#waitForReader();
  }

  closed(): void {
    this.#leave('left');
  }

  tick(now: Instant): void {
    if (this.#stalledAt !== undefined && this.#stalledAt <= now) this.#cutAsTooSlow();
    else if (this.deadline <= now) this.write(this.#owner.framing.heartbeat);
  }

  get #writable(): Outbox | undefined {
    return this.#phase === 'early' || this.#phase === 'open' ? this.#outbox : undefined;
  }

  get #openStream(): AnyStream | undefined {
    if (this.#phase === 'gone' || this.#carrier instanceof EarlyTexts) return undefined;
    return this.#carrier;
  }

  #judge(writing: Writing): void {
    if (writing === 'too-slow') return this.#cutAsTooSlow();
    if (this.#phase !== 'open') return;
    // whoever watches finds by itself that it moved on
    const { keepAlive, clock } = this.#core;
    if (this.#owner.framing.heartbeat === '') return;
    // a whole number: the runtime keeps others in an object of their own
    this.#heartbeatAt = Math.ceil(clock.now() + (keepAlive.heartbeatMs ?? heartbeatMs));
  }

  #endWhenWritten(): void {
    const stream = this.#openStream;
    if (!stream) return;
    if (this.#outbox.isHolding) {
      this.#phase = 'ending';
      return this.#waitForReader();
    }
    this.#outbox.writePending();
    stream.end();
    this.#leave('ended');
  }

  #cutAsTooSlow(): void {
    this.#core.counters.slowConsumerDisconnects += 1;
    this.cut();
  }

  #waitForReader(): void {
    this.#stalledAt = this.#core.clock.now() + this.#core.limits.stalledMs;
    this.#core.deadlines.watch(this);
  }

  #leave(end: StreamEnd): void {
    if (this.#phase === 'gone') return;
    this.#phase = 'gone';
    this.#heartbeatAt = undefined;
    this.#stalledAt = undefined;
    this.#core.deadlines.forget(this);
    this.#owner.gone(end);
    this.#outbox.discard();
  }
}

/** What waits for the reader of a response, less its head. */
class HeadedOutbox extends Outbox {
  protected override get targetBytes(): number {
    return Math.max(0, super.targetBytes - headBytes);
  }
}

/** A stream that takes texts. */
class OpenTexts implements TextTarget {
  readonly #stream: ResponseStream;

  constructor(stream: ResponseStream) {
    this.#stream = stream;
  }

  get bufferedBytes(): number {
    return this.#stream.bufferedBytes;
  }

  send(text: string): void {
    this.#stream.write(text);
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
