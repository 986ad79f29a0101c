import type { Authorization } from '../../protocol/appsync/client-handshake.ts';
import { ClientSubscription } from '../../protocol/appsync/client-subscription.ts';
import type { ClientSubscriptionOutput } from '../../protocol/appsync/client-subscription.ts';
import { never } from '../../vocabulary.ts';
import type {
  FormattedError,
  FormattedResult,
  Instant,
  OperationRequest,
} from '../../vocabulary.ts';
import type { ClientClock, ResultSink } from '../transport.ts';
import { TransportError } from '../transport-error.ts';
import type { AppsyncOptions, AuthorizationRequest } from './appsync-transport.ts';

/** What a subscription on a connection to AppSync is made of. */
export interface AppsyncOperationParts extends Pick<AppsyncOptions, 'startAckTimeoutMs'> {
  readonly clock: ClientClock;
  readonly request: OperationRequest;
  /** The request as a text. */
  readonly data: string;
  readonly sink: ResultSink;
  readonly authorize: (
    asked: Pick<AuthorizationRequest, 'data' | 'request'>,
  ) => Promise<Authorization>;
  /** Starts it on the socket; what is returned stops it there. */
  readonly start: (request: OperationRequest, sink: ResultSink) => () => void;
  /** Called once, when it is over. */
  readonly discharge: () => void;
  /** What the server complained of without naming an operation. */
  readonly complaint: () => unknown;
}

/** Gives a {@link ClientSubscription} its time, its authorization, and its place on the socket. */
export class AppsyncOperation implements ResultSink {
  readonly #parts: AppsyncOperationParts;
  readonly #machine: ClientSubscription;
  #stop: (() => void) | undefined;
  #timerAt: Instant = never;
  #cancelTimer: (() => void) | undefined;

  constructor(parts: AppsyncOperationParts) {
    const { startAckTimeoutMs = 15_000 } = parts;
    this.#parts = parts;
    this.#machine = new ClientSubscription(startAckTimeoutMs);
  }

  connected(): void {
    this.#apply(this.#machine.connected());
  }

  started(): void {
    this.#apply(this.#machine.receive({ type: 'start_ack' }));
  }

  next(payload: FormattedResult): void {
    this.#apply(this.#machine.receive({ type: 'next', payload }));
  }

  error(payload: readonly FormattedError[]): void {
    this.#apply(this.#machine.receive({ type: 'error', payload }));
  }

  complete(): void {
    this.#apply(this.#machine.receive({ type: 'complete' }));
  }

  failed(failure: TransportError): void {
    this.#parts.sink.failed(failure);
  }

  cancel(): void {
    this.#apply(this.#machine.cancel());
  }

  /** The connection is gone; whoever waits learns it from that. */
  closed(): void {
    this.#machine.closed();
    this.#schedule();
  }

  /** Never rejects. */
  async #authorize(): Promise<void> {
    const { authorize, data, request, clock } = this.#parts;
    try {
      const authorization = await authorize({ data, request });
      this.#apply(this.#machine.authorized(clock.now(), authorization));
    } catch (cause) {
      this.#apply(this.#machine.refused(cause));
    }
  }

  #apply(outputs: readonly ClientSubscriptionOutput[]): void {
    // before those outputs: what they cause may change the state again
    this.#schedule();
    if (this.#machine.state === 'done') this.#parts.discharge();
    for (const output of outputs) this.#do(output);
  }

  #do(output: ClientSubscriptionOutput): void {
    const { sink } = this.#parts;
    switch (output.kind) {
      case 'authorize':
        return void this.#authorize();
      case 'send-start':
        return this.#start(output.authorization);
      case 'send-stop':
        return this.#stop?.();
      case 'started':
        return sink.started?.();
      case 'result':
        return sink.next(output.result);
      case 'error':
        return sink.error(output.errors);
      case 'complete':
        return sink.complete();
      case 'fail':
        return sink.failed(
          new TransportError('CLIENT_ERROR', String(output.cause), false, { cause: output.cause }),
        );
      case 'time-out':
        return sink.failed(
          new TransportError(
            'START_TIMEOUT',
            'The server did not say that the subscription began',
            false,
            { payload: this.#parts.complaint() },
          ),
        );
    }
  }

  #start(authorization: Authorization): void {
    const { start, data, request } = this.#parts;
    this.#stop = start({ query: request.query, extensions: { data, authorization } }, this);
  }

  #schedule(): void {
    const { clock } = this.#parts;
    const { deadline } = this.#machine;
    if (deadline === this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = deadline;
    if (deadline === never) return;
    this.#cancelTimer = clock.schedule(() => {
      // timers may fire early: it is set again then
      this.#timerAt = never;
      this.#apply(this.#machine.tick(clock.now()));
    }, deadline - clock.now());
  }
}
