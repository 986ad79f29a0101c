import type { Instant } from '../vocabulary.ts';
import { never } from '../vocabulary.ts';
import type { ServerCore } from './core.ts';
import type { Waiting } from './deadlines.ts';
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

type State =
  /** The adapter has not begun to answer; what was written waits here. */
  | { readonly kind: 'early'; readonly texts: string[]; readonly hasEnded: boolean }
  | { readonly kind: 'open'; readonly stream: ResponseStream; readonly outbox: Outbox }
  | { readonly kind: 'gone' };

/** One response that is a stream: heartbeats, and the same bounds on what waits for a slow reader as on sockets. */
export class StreamSession implements ResponseStreamEvents, Waiting {
  readonly #core: ServerCore;
  readonly #options: StreamOptions;
  readonly #heartbeatMs: number;
  #state: State;
  #earlyCharacters = 0;
  #heartbeatAt: Instant = never;
  #stalledAt: Instant = never;

  constructor(core: ServerCore, options: StreamOptions) {
    this.#core = core;
    this.#options = options;
    this.#heartbeatMs = core.options.keepAlive?.heartbeatMs ?? heartbeatMs;
    this.#state = { kind: 'early', texts: [options.opening], hasEnded: false };
  }

  get deadline(): Instant {
    return Math.min(this.#heartbeatAt, this.#stalledAt);
  }

  /** The response begins. */
  open(stream: ResponseStream): ResponseStreamEvents {
    if (this.#state.kind !== 'early') {
      stream.destroy();
      return this;
    }
    const { texts, hasEnded } = this.#state;
    const target = {
      send: (text: string) => stream.write(text),
      get bufferedBytes() {
        return stream.bufferedBytes;
      },
    };
    this.#state = { kind: 'open', stream, outbox: new Outbox(target, this.#core.limits) };
    this.write(texts.join(''));
    if (hasEnded) this.end();
    return this;
  }

  write(text: string): void {
    if (this.#state.kind === 'early') return this.#keep(this.#state.texts, text);
    if (this.#state.kind === 'gone') return;
    if (this.#state.outbox.write(text) === 'too-slow') return this.cut();
    this.#heartbeatAt = this.#core.clock.now() + this.#heartbeatMs;
    this.#core.deadlines.watch(this);
  }

  /** Ends the response after `text`. */
  end(text = ''): void {
    if (text !== '') this.write(text);
    if (this.#state.kind === 'early') {
      this.#state = { ...this.#state, hasEnded: true };
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
    if (this.#state.kind !== 'open' || !this.#state.outbox.isCrowded) return undefined;
    if (!this.#state.outbox.isAwaited) {
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

  #keep(texts: string[], text: string): void {
    texts.push(text);
    this.#earlyCharacters += text.length;
    if (this.#earlyCharacters > this.#core.limits.outboxHighWaterBytes) this.cut();
  }

  #leave(): void {
    if (this.#state.kind === 'gone') return;
    const left = this.#state;
    this.#state = { kind: 'gone' };
    this.#heartbeatAt = never;
    this.#stalledAt = never;
    if (left.kind === 'open') left.outbox.drained();
    this.#core.deadlines.forget(this);
    this.#options.onGone();
  }
}
