import { UsageError } from '../../errors.ts';
import { utf8Length } from '../../protocol/index.ts';
import type { OperationRequest } from '../../vocabulary.ts';
import { decideConnect, notifyDisconnect } from '../connect.ts';
import type { ConnectDecision } from '../connect.ts';
import type { ServerCore } from '../core.ts';
import type { OperationEvent, SessionEvent } from '../options.ts';
import type { RequestHead } from '../request-head.ts';
import type { ConnectionRecord, OperationClaim, SubscriptionRecord } from './connection-record.ts';
import { parseSubscriptionRecord } from './connection-record.ts';
import type { Connections, Update } from './connections.ts';
import type { GatewayConnection, GatewayOutput } from './gateway-connection.ts';
import type { GatewayOptions, gatewayDefaults } from './gateway-options.ts';
import { GatewayOperation } from './gateway-operation.ts';
import type { GatewayStore } from './gateway-store.ts';
import { isPlainJson } from './plain-json.ts';
import type { Pushes } from './pushes.ts';
import type { ResolvingEngine } from './registering-engine.ts';

/** What the calls of one gateway have in common. */
export interface GatewayParts {
  readonly core: ServerCore;
  readonly engine: ResolvingEngine;
  readonly store: GatewayStore;
  readonly connections: Connections;
  readonly pushes: Pushes;
  readonly options: GatewayOptions & Required<Pick<GatewayOptions, keyof typeof gatewayDefaults>>;
  readonly now: () => number;
}

/** How a connection ended. */
export interface ConnectionEnd {
  readonly code: number;
  readonly reason: string;
}

const vanished: ConnectionEnd = { code: 1006, reason: '' };

/** One call of a function, from what came in to the last that went out because of it. */
export class GatewayCall {
  readonly parts: GatewayParts;
  readonly core: ServerCore;
  /** Of the request, where the call has one. */
  readonly #request: RequestHead | undefined;

  /** @param core - of `parts`, with hooks that whoever calls waits for */
  constructor(parts: GatewayParts, core: ServerCore, request?: RequestHead) {
    this.parts = parts;
    this.core = core;
    this.#request = request;
  }

  /** Does what came out of an update, in its order; resolves once all that was begun by it has ended. */
  async perform(connectionId: string, update: Update): Promise<void> {
    if (update.kind === 'unknown') return;
    const { outputs, record } = update;
    const failures: unknown[] = [];
    const note = (failure: unknown): void => void failures.push(failure);
    const begun: Promise<unknown>[] = [];
    for (const output of outputs) {
      if (failures.length > 0) break;
      const work = this.#perform(connectionId, record, output).catch(note);
      // what goes out keeps its order; what runs, runs side by side
      if (output.kind === 'start' || output.kind === 'connect') begun.push(work);
      else await work;
    }
    await Promise.all(begun);
    if (failures.length > 0) throw failures[0];
    if (update.kind === 'ended') await this.#clearUp(record, endOf(outputs));
  }

  /** Sends frames of one connection, which is forgotten if they cannot arrive. */
  async send(connectionId: string, frame: string): Promise<'sent' | 'gone' | 'failed'> {
    const pushed = await this.parts.pushes.send(connectionId, frame);
    if (pushed === 'sent') return pushed;
    // whoever misses something has to notice
    if (pushed === 'failed') await this.parts.pushes.closeFor(connectionId, 'TERMINATED');
    await this.forget(connectionId, vanished);
    return pushed;
  }

  /** Ends a connection whose credentials have expired, and tells its client to come back with others. */
  async expire(connectionId: string): Promise<void> {
    await this.perform(connectionId, await this.parts.connections.update(connectionId, () => []));
  }

  /** Forgets a connection, with everything that belongs to it. */
  async forget(connectionId: string, end: ConnectionEnd): Promise<void> {
    const record = await this.parts.connections.forget(connectionId);
    if (record) await this.#clearUp(record, end);
  }

  /** Tells the hook that a subscription has ended. */
  async completed(record: ConnectionRecord, subscription: SubscriptionRecord): Promise<void> {
    try {
      await this.core.options.onComplete?.(this.operationEvent(record, subscription));
    } catch (error) {
      this.core.report(error, 'onComplete');
    }
  }

  /** What hooks are told of a stored subscription. */
  operationEvent(
    record: ConnectionRecord,
    { query, operationName, variables, extensions }: SubscriptionRecord,
  ): OperationEvent<object> {
    const operation: OperationRequest = {
      query,
      ...(operationName !== undefined && { operationName }),
      ...(variables && { variables }),
      ...(extensions && { extensions }),
    };
    return { ...this.sessionEvent(record), operation };
  }

  sessionEvent({ stage, request, protocol }: ConnectionRecord): SessionEvent<object> {
    const session = stage.kind === 'ready' ? stage.session : {};
    return { session, request: this.#request ?? request, protocol };
  }

  #perform(
    connectionId: string,
    record: ConnectionRecord,
    output: GatewayOutput,
  ): Promise<unknown> {
    switch (output.kind) {
      case 'send':
        return this.send(connectionId, output.frame);
      case 'connect':
        return this.#connect(connectionId, record, output.connectionParams);
      case 'start': {
        const { claim, request } = output;
        return new GatewayOperation(this, { connectionId, record, claim, request }).run();
      }
      case 'cancel':
        return this.#unsubscribe(record, output.claim);
      case 'close':
        return this.parts.pushes.close(connectionId, output.code, output.reason);
    }
  }

  async #connect(
    connectionId: string,
    record: ConnectionRecord,
    connectionParams: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const { request, protocol } = this.sessionEvent(record);
    const asked = await decideConnect(this.core, { request, protocol, connectionParams });
    if (asked.kind === 'accepted') asked.lease.end(); // from now on it lives in the store
    const decision = this.#checkSession(asked);
    const update = await this.parts.connections.update(connectionId, (connection) =>
      this.#answer(connection, decision),
    );
    if (update.kind === 'unknown' && asked.kind === 'accepted') {
      notifyDisconnect(this.core, { session: asked.session, request, protocol, ...vanished });
    }
    await this.perform(connectionId, update);
  }

  #answer(connection: GatewayConnection, decision: ConnectDecision): readonly GatewayOutput[] {
    const now = this.parts.now();
    switch (decision.kind) {
      case 'refused':
        return connection.refuse(now, decision);
      case 'failed':
        return connection.fail(now);
      case 'accepted': {
        const request = this.#kept(connection.record.request);
        return connection.accept(now, { ...decision, request });
      }
    }
  }

  /** A session has to live in the store. */
  #checkSession(decision: ConnectDecision): ConnectDecision {
    if (decision.kind !== 'accepted') return decision;
    const { sessionBytes } = this.parts.options;
    const { session } = decision;
    const isPlain = isPlainJson(session);
    if (isPlain && utf8Length(JSON.stringify(session)) <= sessionBytes) return decision;
    const fault = isPlain ? `larger than sessionBytes of ${sessionBytes}` : 'not plain JSON';
    this.core.report(new UsageError(`the session of a gateway is ${fault}`), 'onConnect');
    return { kind: 'failed' };
  }

  #kept({ headers, ...head }: RequestHead): RequestHead {
    const names = new Set(this.parts.options.keepHeaders.map((name) => name.toLowerCase()));
    const kept = Object.entries(headers).filter(([name]) => names.has(name));
    return { ...head, headers: Object.fromEntries(kept) };
  }

  async #unsubscribe(record: ConnectionRecord, { place, token }: OperationClaim): Promise<void> {
    // whatever else runs for it, runs in another call, and finds out when it ends
    const text = place && (await this.parts.store.removeSubscription(place, token));
    if (text !== undefined) await this.completed(record, parseSubscriptionRecord(text));
  }

  async #clearUp(record: ConnectionRecord, end: ConnectionEnd): Promise<void> {
    for (const claim of record.operations) await this.#unsubscribe(record, claim);
    if (record.stage.kind !== 'ready') return;
    notifyDisconnect(this.core, { ...this.sessionEvent(record), ...end });
  }
}

function endOf(outputs: readonly GatewayOutput[]): ConnectionEnd {
  return outputs.find((output) => output.kind === 'close') ?? vanished;
}
