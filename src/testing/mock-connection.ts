import { ProtocolViolation } from '../errors.ts';
import type { OperationId } from '../protocol/connection.ts';
import { encodeServerMessage, parseClientMessage } from '../protocol/graphql-transport-ws/codec.ts';
import { subprotocol } from '../protocol/graphql-transport-ws/messages.ts';
import type { ClientMessage, ServerMessage } from '../protocol/graphql-transport-ws/messages.ts';
import type { FormattedError, FormattedResult, Frame, OperationRequest } from '../vocabulary.ts';
import type { MemoryLink, RemoteEnd } from './memory-link.ts';
import { MockOperation } from './mock-operation.ts';

/** What the connections of a mock server have in common. */
export interface MockConnectionParts {
  readonly ackPayload: Readonly<Record<string, unknown>> | undefined;
  /** Called for each operation that can be understood. */
  readonly begin: (operation: MockOperation) => void;
}

/** The server's end of a link, speaking `graphql-transport-ws`. */
export class MockConnection implements RemoteEnd {
  readonly #link: MemoryLink;
  readonly #parts: MockConnectionParts;
  readonly #operations = new Map<OperationId, MockOperation>();

  constructor(link: MemoryLink, parts: MockConnectionParts) {
    this.#link = link;
    this.#parts = parts;
  }

  attempted(): void {
    const isOffered = this.#link.attempt.subprotocols.includes(subprotocol);
    this.#link.accept(isOffered ? subprotocol : '');
    if (!isOffered) this.#link.close(4406, 'Subprotocol not acceptable');
  }

  message(frame: Frame): void {
    try {
      this.#answer(parseClientMessage(frame));
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.#link.close(4400, error.message);
    }
  }

  closed(): void {
    for (const operation of this.#operations.values()) operation.stopped();
  }

  #answer(message: ClientMessage): void {
    const { ackPayload } = this.#parts;
    switch (message.type) {
      case 'connection_init':
        return this.#send({
          type: 'connection_ack',
          ...(ackPayload && { payload: ackPayload }),
        });
      case 'ping':
        return this.#send({ type: 'pong' });
      case 'pong':
        return;
      case 'subscribe':
        return this.#subscribe(message.id, message.payload);
      case 'complete':
        return this.#operations.get(message.id)?.stopped();
    }
  }

  #subscribe(id: OperationId, request: OperationRequest): void {
    const operation = this.#understand(id, request);
    if (!operation) return;
    this.#operations.set(id, operation);
    this.#parts.begin(operation);
  }

  #understand(id: OperationId, request: OperationRequest): MockOperation | undefined {
    try {
      return new MockOperation(request, {
        next: (payload: FormattedResult) => this.#send({ id, type: 'next', payload }),
        error: (payload: readonly FormattedError[]) => this.#send({ id, type: 'error', payload }),
        complete: () => this.#send({ id, type: 'complete' }),
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#send({ id, type: 'error', payload: [{ message }] });
      return undefined;
    }
  }

  #send(message: ServerMessage): void {
    this.#link.send(encodeServerMessage(message));
  }
}
