import type { Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import type { ServerCore } from './core.ts';
import type { Waiting } from './deadlines.ts';
import type { TextTarget } from './outbox.ts';
import { Outbox } from './outbox.ts';
import type { ResponseStream, ResponseStreamEvents } from './response-stream.ts';

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
  | { readonly kind: 'open'; readonly stream: ResponseStream; readonly outbox: Outbox }
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
  open(stream: ResponseStream): ResponseStreamEvents {
    const { kind } = this.#state;
    if (kind === 'open' || kind === 'gone') {
      stream.destroy();
      return this;
    }
    const { texts, outbox } = this.#state;
    this.#state = { kind: 'open', stream, outbox: new Outbox(toTarget(stream), this.#core.limits) };
    this.write(this.#options.opening + texts.joined);
    outbox.drained();
    if (kind === 'early-ended') this.end();
    return this;
  }

  write(text: string): void {
    if (this.#state.kind === 'gone' || this.#state.kind === 'early-ended') return;
    if (this.#state.outbox.write(text) === 'too-slow') return this.cut();
    if (this.#state.kind === 'early') return;
    this.#heartbeatAt = this.#core.clock.now() + this.#heartbeatMs;
    this.#core.deadlines.watch(this);
  }

  /** Ends the response after `text`. */
  end(text = ''): void {
    if (text !== '') this.write(text);
    if (this.#state.kind === 'early') {
      this.#state = { ...this.#state, kind: 'early-ended' };
    } else if (this.#state.kind === 'open') {
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
    if (this.#state.kind === 'open' && !this.#state.outbox.isAwaited) {
      this.#stalledAt = this.#core.clock.now() + this.#core.limits.stalledMs;
      this.#core.deadlines.watch(this);
    }
    return this.#state.outbox.room();
  }

  drained(): void {
    this.#stalledAt = never;
    if (this.#state.kind === 'open') this.#state.outbox.drained();
  }

  closed(): void {
    this.#leave();
  }

  tick(now: Instant): void {
    if (this.#stalledAt <= now) this.cut();
    else if (this.#heartbeatAt <= now) this.write(this.#options.heartbeat);
  }

  #leave(): void {
    if (this.#state.kind === 'gone') return;
    const { outbox } = this.#state;
    this.#state = { kind: 'gone' };
    this.#heartbeatAt = never;
    this.#stalledAt = never;
    this.#core.deadlines.forget(this);
    this.#options.onGone();
    outbox.drained();
  }
}

function toTarget(stream: ResponseStream): TextTarget {
  return {
    send: (text) => stream.write(text),
    get bufferedBytes() {
      return Math.max(0, stream.bufferedBytes - headBytes);
    },
  };
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
