import type { ByteStream, HttpResponse, ResponseStreamEvents } from '../server/index.ts';

/** Begins a response that is a stream; it ends when `signal`, that of its request, says that the client left. */
export function openStream(
  answered: Extract<HttpResponse, { readonly kind: 'stream' }>,
  signal: AbortSignal,
): Response {
  const { status, headers } = answered;
  const stream = new FetchStream(signal);
  const response = new Response(stream.body, { status, headers });
  stream.events = answered.open(stream);
  return response;
}

/**
 * A response body that its runtime pulls.
 *
 * @remarks
 * Its queue holds nothing in advance, so the runtime asks for more only when it has taken all: what it took it counts as sent.
 */
class FetchStream implements ByteStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #signal: AbortSignal;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isDrainAwaited = false;
  events: ResponseStreamEvents | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    const source: UnderlyingDefaultSource<Uint8Array> = {
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pulled(),
      cancel: () => {
        this.#finish();
        this.#tellClosed();
      },
    };
    this.body = new ReadableStream(source, new ByteLengthQueuingStrategy({ highWaterMark: 0 }));
    signal.addEventListener('abort', this.#leave);
    if (signal.aborted) queueMicrotask(this.#leave);
  }

  get bufferedBytes(): number {
    return 0 - (this.#controller?.desiredSize ?? 0);
  }

  writeBytes(bytes: string): void {
    this.#controller?.enqueue(toBytes(bytes));
  }

  writeShared(head: string, shared: Uint8Array): void {
    if (head !== '') this.writeBytes(head);
    this.#controller?.enqueue(shared);
  }

  notifyDrained(): void {
    if (this.bufferedBytes > 0) this.#isDrainAwaited = true;
    else queueMicrotask(() => this.events?.drained());
  }

  end(): void {
    this.#finish()?.close();
    queueMicrotask(this.#tellClosed);
  }

  destroy(): void {
    if (this.#signal.aborted) return this.#leave();
    this.#finish()?.error(new Error('The response was cut off'));
    queueMicrotask(this.#tellClosed);
  }

  #pulled(): void {
    if (!this.#isDrainAwaited) return;
    this.#isDrainAwaited = false;
    this.events?.drained();
  }

  /** The client left, and the runtime has not cancelled. */
  readonly #leave = (): void => {
    this.#finish()?.close(); // of an error it would make a report
    this.#tellClosed();
  };

  readonly #tellClosed = (): void => {
    const { events } = this;
    this.events = undefined;
    events?.closed();
  };

  /** Nothing is written any more. */
  #finish(): ReadableStreamDefaultController<Uint8Array> | undefined {
    const controller = this.#controller;
    this.#controller = undefined;
    this.#signal.removeEventListener('abort', this.#leave);
    return controller;
  }
}

/** Of a string whose characters are bytes. */
function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = text.charCodeAt(index);
  return bytes;
}
