import { never } from '../../vocabulary.ts';
import { TransportError } from '../transport-error.ts';
import { discard } from './response-body.ts';
import type { SingleStream } from './sse-single-operation.ts';
import { readRefusal, withoutResponse } from './sse-single-refusal.ts';

/** Operations are counted from 1: to stop this one does nothing. */
const nobody = '0';

/** Asks a server once whether it still has a stream; without an answer the stream is lost. */
export class SingleProbe {
  readonly #stream: SingleStream;
  readonly #controller = new AbortController();
  readonly #cancelTimer: (() => void) | undefined;

  constructor(stream: SingleStream, patienceMs: number) {
    this.#stream = stream;
    if (patienceMs < never) {
      this.#cancelTimer = stream.clock.schedule(() => {
        stream.lose(new TransportError('TERMINATED', 'The server does not answer.', true));
      }, patienceMs);
    }
    void this.#ask();
  }

  /** Whether it waits for the answer. */
  get isPending(): boolean {
    return !this.#controller.signal.aborted;
  }

  /** The answer is not needed any more. */
  end(): void {
    this.#cancelTimer?.();
    this.#controller.abort();
  }

  /** Never rejects. */
  async #ask(): Promise<void> {
    const { requests, clock } = this.#stream;
    const question = { method: 'DELETE', accept: '*/*', operationId: nobody } as const;
    const refusal = await requests
      .send(
        question,
        async (response) => {
          if (!response.ok) return readRefusal(response, clock);
          discard(response);
          return undefined;
        },
        this.#controller,
      )
      // requests reject with nothing else
      .catch((failure: unknown) => withoutResponse(failure as TransportError));
    if (!this.isPending) return;
    this.end();
    // whoever answers otherwise says nothing about the stream
    if (refusal && (refusal.isStreamGone || isLoss(refusal.failure))) {
      this.#stream.lose(refusal.failure);
    }
  }
}

/** Whether nothing answered; what was not even sent says nothing. */
function isLoss({ status, retryable }: TransportError): boolean {
  return status === undefined && retryable;
}
