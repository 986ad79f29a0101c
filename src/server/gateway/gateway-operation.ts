import { GraphQLError } from 'graphql';

import { Broadcaster } from '../../broker/broadcaster.ts';
import { isSharable } from '../../broker/sharable-source.ts';
import type { SharableSource } from '../../broker/sharable-source.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Refused } from '../../execution/index.ts';
import { utf8Length } from '../../protocol/index.ts';
import type { FormattedError, OperationRequest } from '../../vocabulary.ts';
import type { ResultSink } from '../operation-run.ts';
import { OperationRun } from '../operation-run.ts';
import type { ResultText } from '../result-text.ts';
import type { ShareDecision } from '../sharing/share-plan.ts';
import { decideSharing } from '../sharing/share-plan.ts';
import type { ConnectionRecord, OperationClaim, SubscriptionRecord } from './connection-record.ts';
import { encodeWithin } from './encode-within.ts';
import type { GatewayCall } from './gateway-call.ts';
import type { GatewayConnection, GatewayOutput } from './gateway-connection.ts';
import type { SubscriptionPlace } from './gateway-store.ts';
import type { Pushed } from './pushes.ts';
import { createRegisteringEngine } from './registering-engine.ts';
import type { Registration } from './registering-engine.ts';

/** An operation that has just begun. */
export interface BegunOperation {
  readonly connectionId: string;
  readonly record: ConnectionRecord;
  readonly claim: OperationClaim;
  readonly request: OperationRequest;
}

/** One operation of one call: a query or mutation up to its end, a subscription until it is data. */
export class GatewayOperation implements ResultSink {
  readonly #call: GatewayCall;
  readonly #begun: BegunOperation;
  /** What goes out, one after the other. */
  #line: Promise<void> = Promise.resolve();
  /** The last result: it goes out together with the end, if that is next. */
  #held: ResultText | undefined;
  #place: SubscriptionPlace | undefined;
  #run: OperationRun | undefined;
  #leave: (() => void) | undefined;

  constructor(call: GatewayCall, begun: BegunOperation) {
    this.#call = call;
    this.#begun = begun;
  }

  /** Resolves once nothing more comes of it in this call; rejects if the store fails. */
  async run(): Promise<void> {
    const { record, request } = this.#begun;
    const { core, parts } = this.#call;
    const left = new Promise<void>((resolve) => {
      this.#leave = resolve;
    });
    const engine = createRegisteringEngine(parts.engine, {
      register: (registration) => this.#register(registration),
      parked: () => this.#park(),
    });
    const work = { session: this.#call.sessionEvent(record), request };
    this.#run = new OperationRun({ ...core, engine }, work, this);
    void this.#run.start(); // never rejects; that of a subscription never ends, either
    await left;
    await this.#line;
  }

  next(result: ResultText): void {
    this.#flush();
    this.#held = result;
  }

  error(errors: readonly FormattedError[]): void {
    this.#end((connection, now) => connection.error(this.#token, errors, now));
  }

  complete(): void {
    this.#end((connection, now) => connection.complete(this.#token, now));
  }

  room(): Promise<void> | undefined {
    return this.#line.catch(() => undefined); // whoever waits for the line to end hears of it
  }

  get #token(): string {
    return this.#begun.claim.token;
  }

  #park(): void {
    this.#flush();
    this.#leave?.();
  }

  #flush(): void {
    const result = this.#held;
    this.#held = undefined;
    if (!result) return;
    this.#append(async () => {
      const { connectionId } = this.#begun;
      if ((await this.#push(connectionId, result)) === 'sent') return;
      // nobody is left who wants more of it
      this.#run?.cancel();
      this.#leave?.();
    });
  }

  async #push(connectionId: string, result: ResultText): Promise<Pushed> {
    const { connections, now } = this.#call.parts;
    const record = await connections.read(connectionId);
    if (!record) return 'gone';
    const connection = connections.restore(record);
    if (connection.hasExpired(now())) {
      await this.#call.expire(connectionId);
      return 'gone';
    }
    const frame = this.#encode(connection, result);
    return frame === undefined ? 'gone' : this.#call.send(connectionId, frame);
  }

  #end(end: (connection: GatewayConnection, now: number) => readonly GatewayOutput[]): void {
    const result = this.#held;
    this.#held = undefined;
    this.#append(async () => {
      const { connectionId } = this.#begun;
      const { connections, store, now } = this.#call.parts;
      const update = await connections.update(connectionId, (connection) => {
        const frame = result && this.#encode(connection, result);
        const outputs = end(connection, now());
        return frame === undefined ? outputs : [{ kind: 'send', frame }, ...outputs];
      });
      await this.#call.perform(connectionId, update);
      if (this.#place) await store.removeSubscription(this.#place, this.#token);
    });
    this.#leave?.();
  }

  #append(work: () => Promise<void>): void {
    this.#line = this.#line.then(work);
    this.#line.catch(() => undefined); // `run` reports it
  }

  #encode(connection: GatewayConnection, { text }: ResultText): string | undefined {
    const { frameBytes } = this.#call.parts.options;
    return encodeWithin(frameBytes, text, (each) => connection.encodeResult(this.#token, each));
  }

  async #register(registration: Registration): Promise<Refused | undefined> {
    const { stream } = registration.resolved;
    if (!isSharable(stream) || stream.identity.owner instanceof Broadcaster) return needsProcess;
    const decision = decideSharing(this.#call.core, {
      ...registration,
      variables: registration.input.variables,
      context: registration.input.context,
    });
    const { connectionId, record } = this.#begun;
    const { store, connections } = this.#call.parts;
    const subscription = this.#toRecord(registration, stream, decision);
    const { topic, key, token } = subscription;
    const place = { topic, key };
    if (utf8Length(JSON.stringify(place)) > placeBytes) return placeTooLong;
    const text = JSON.stringify(subscription);
    await store.addSubscription({ place, token, text, expiresAt: record.expiresAt });
    this.#place = place;
    let listens = false;
    const update = await connections.update(connectionId, (connection) => {
      listens = connection.listen(token, place);
      return [];
    });
    if (update.kind === 'ended') await this.#call.perform(connectionId, update);
    // its client stopped it, left, or had its time, before it was there to be removed; an attempt that was not written does not count
    const isKept = listens && update.kind === 'updated';
    if (!isKept && (await store.removeSubscription(place, token)) !== undefined) {
      await this.#call.completed(record, subscription);
    }
    return undefined;
  }

  #toRecord(
    { prepared, input }: Registration,
    { identity: { topic, key }, steps }: SharableSource,
    decision: ShareDecision,
  ): SubscriptionRecord {
    const { connectionId, claim, request } = this.#begun;
    const { operationName, extensions } = request;
    const { variables } = input;
    return {
      topic,
      key,
      connectionId,
      id: claim.id,
      token: claim.token,
      // a persisted document has its text from elsewhere
      query: prepared.document.loc?.source.body ?? request.query,
      ...(operationName !== undefined && { operationName }),
      ...(variables && { variables }),
      ...(extensions && { extensions }),
      audience: decision.kind === 'shared' ? decision.group.audience : { kind: 'nobody' },
      hasSteps: steps.length > 0,
    };
  }
}

/** Of a topic and a key as JSON: the record of a connection has those of all its subscriptions. */
const placeBytes = 1_024;

const needsProcess = toRefused(
  'SOURCE_NEEDS_PROCESS',
  'This subscription reads a source that lives in a process; behind a gateway only those over a topic can be subscribed to.',
);
const placeTooLong = toRefused(
  'TOPIC_KEY_TOO_LONG',
  `The topic and the key of a subscription behind a gateway take at most ${placeBytes} bytes.`,
);

function toRefused(code: ErrorCode, message: string): Refused {
  return { kind: 'refused', code, errors: [new GraphQLError(message, { extensions: { code } })] };
}
