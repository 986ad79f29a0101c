import { Arrivals } from './arrivals.ts';
import { matches } from './matches.ts';
import type { Direction, Faults, MemoryLink, RemoteEnd } from './memory-link.ts';
import type { SocketAttempt } from './test-socket.ts';

/** What a client sent. */
export interface ReceivedMessage {
  readonly type?: string;
  readonly id?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
}

/** What must be in a message: members that it must have, with their values or with functions that judge them; or the whole frame as text. */
export type MessagePattern = string | Readonly<Record<string, unknown>>;

/** What a peer sends: an object becomes JSON, text and bytes go as they are. */
export type PeerMessage = string | Uint8Array | object;

/** How a connection ended. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** One connection of a client to a peer that a test plays. */
export class PeerConnection implements Faults {
  /** Every frame of the client, as it came. */
  readonly frames: string[] = [];
  /** How it ended, if it did: by the client's close frame, or 1006. */
  closing: Closing | undefined;
  readonly #link: MemoryLink;
  readonly #arrivals: Arrivals<string>;
  readonly #closings: Arrivals<Closing>;
  readonly #onAttempt: () => void;

  constructor(link: MemoryLink, patienceMs: number, onAttempt: () => void) {
    this.#link = link;
    this.#arrivals = new Arrivals(patienceMs);
    this.#closings = new Arrivals(patienceMs);
    this.#onAttempt = onAttempt;
  }

  /** What the client opened it with. */
  get attempt(): SocketAttempt {
    return this.#link.attempt;
  }

  /** Every message of the client. */
  get messages(): readonly ReceivedMessage[] {
    return this.frames.map(toMessage);
  }

  /** Messages that no `expect` has taken. */
  get unexpected(): readonly ReceivedMessage[] {
    return this.#arrivals.rest.map(toMessage);
  }

  /** What hears the client. */
  get end(): RemoteEnd {
    return {
      attempted: this.#onAttempt,
      message: (frame) => {
        const text = String(frame); // a client of ours sends text
        this.frames.push(text);
        this.#arrivals.push(text);
      },
      closed: (code, reason) => {
        this.closing = { code, reason };
        this.#closings.push(this.closing);
      },
    };
  }

  /** @param subprotocol - the first that the client offers unless given */
  accept(subprotocol: string = this.attempt.subprotocols[0] ?? ''): void {
    this.#link.accept(subprotocol);
  }

  /** Lets the attempt fail. */
  refuse(error?: unknown): void {
    this.#link.refuse(error);
  }

  /** Takes the next message, which must have everything that `pattern` has. */
  async expect(pattern: MessagePattern): Promise<ReceivedMessage> {
    const expected = show(pattern);
    const frame = await this.#arrivals.next(() => `Expected ${expected}, but nothing came.`);
    const message = toMessage(frame);
    if (!matches(typeof pattern === 'string' ? frame : message, pattern))
      throw new Error(`Expected ${expected}, but ${frame} came.`);
    return message;
  }

  /** Waits for the end of the connection. */
  async closed(): Promise<Closing> {
    return this.closing ?? this.#closings.next(() => 'The connection is still open.');
  }

  /** Sends messages, one after the other. */
  send(...messages: readonly PeerMessage[]): void {
    for (const message of messages) {
      const isFrame = typeof message === 'string' || message instanceof Uint8Array;
      this.#link.send(isFrame ? message : JSON.stringify(message));
    }
  }

  close(code: number, reason = ''): void {
    this.#link.close(code, reason);
  }

  /** An error event without a close event. */
  fail(error?: unknown): void {
    this.#link.fail(error);
  }

  drop(): void {
    this.#link.drop();
  }

  stall(direction?: Direction): void {
    this.#link.stall(direction);
  }

  release(direction?: Direction): void {
    this.#link.release(direction);
  }

  goHalfOpen(): void {
    this.#link.goHalfOpen();
  }

  duplicateNext(direction: Direction): void {
    this.#link.duplicateNext(direction);
  }

  delay(delayMs: number, direction?: Direction): void {
    this.#link.delay(delayMs, direction);
  }
}

function toMessage(frame: string): ReceivedMessage {
  try {
    return JSON.parse(frame) as ReceivedMessage; // the client under test wrote it; `expect` looks at it
  } catch {
    return {}; // no message; the frame is there to see
  }
}

function show(pattern: MessagePattern): string {
  if (typeof pattern === 'string') return pattern;
  return JSON.stringify(pattern, (_, value: unknown) =>
    typeof value === 'function' ? '(a function)' : value,
  );
}
