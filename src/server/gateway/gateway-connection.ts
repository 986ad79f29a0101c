import type { ClosingCode } from '../../errors.ts';
import { createServerConnection, utf8Length } from '../../protocol/index.ts';
import type {
  ServerConnection,
  ServerConnectionOptions,
  ServerOperation,
  ServerOutput,
} from '../../protocol/index.ts';
import type { FormattedError, Frame, OperationRequest } from '../../vocabulary.ts';
import { limitError } from '../admission.ts';
import type { EffectiveLimits } from '../limits.ts';
import { OperationQuota } from '../operation-quota.ts';
import type { SessionMembers } from '../options.ts';
import type { RequestHead } from '../request-head.ts';
import { fullBucket, takeFrom } from './bucket-level.ts';
import type { ConnectionRecord, GatewayProtocol, OperationClaim } from './connection-record.ts';
import type { SubscriptionPlace } from './gateway-store.ts';
import { hasRoomFor, initFrame, isEarly, startFrame, stopIdOf } from './protocol-frames.ts';
import { leaveTrace, takeTrace } from './traces.ts';

/** What has to be done, in this order, once the new state of the connection was written. */
export type GatewayOutput =
  | { readonly kind: 'send'; readonly frame: string }
  /** Run the connect hook, then call `accept`, `refuse` or `fail`. */
  | { readonly kind: 'connect'; readonly connectionParams: Readonly<Record<string, unknown>> }
  | { readonly kind: 'start'; readonly claim: OperationClaim; readonly request: OperationRequest }
  | { readonly kind: 'cancel'; readonly claim: OperationClaim }
  /** The connection is over, with everything that belongs to it. */
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** What the connections of one gateway have in common. */
export interface GatewayRules {
  readonly limits: EffectiveLimits;
  /** Of the machines. */
  readonly machine: ServerConnectionOptions;
  readonly newToken: () => string;
}

/** What the connect hook said yes with. */
export interface GatewayAcceptance {
  readonly session: object;
  readonly ackPayload?: Readonly<Record<string, unknown>>;
  /** What is known of the upgrade from now on. */
  readonly request: RequestHead;
}

interface Running {
  readonly claim: OperationClaim;
  readonly operation: ServerOperation;
}

/** After this part of its lifetime a connection is told to come back as a new one. */
const renewalShare = 0.9;

const nothing: readonly GatewayOutput[] = [];

/**
 * The server's half of a protocol on one connection, between two calls of a function nothing but a {@link ConnectionRecord}.
 *
 * @remarks
 * Pure, like the machine of the protocol, which it restores from the record. Whoever calls a method writes {@link GatewayConnection.record} before doing
 * what came out; if somebody else wrote meanwhile, it forgets this object and begins again with the new record.
 */
export class GatewayConnection {
  readonly #rules: GatewayRules;
  readonly #machine: ServerConnection;
  readonly #running = new Map<string, Running>();
  #record: ConnectionRecord;
  #isOver = false;

  constructor(rules: GatewayRules, record: ConnectionRecord) {
    const { protocol, openedAt, stage, operations } = record;
    this.#rules = rules;
    this.#record = record;
    this.#machine = createServerConnection(protocol, openedAt, rules.machine);
    if (stage.kind !== 'wait-init') this.#machine.receive(initFrame, openedAt);
    if (stage.kind === 'ready') this.#machine.accept(openedAt);
    for (const claim of operations) this.#restore(claim);
  }

  /** What is to be written. */
  get record(): ConnectionRecord {
    return this.#record;
  }

  /** Nothing is to be written any more: the connection is to be forgotten. */
  get isOver(): boolean {
    return this.#isOver;
  }

  receive(frame: Frame, now: number): readonly GatewayOutput[] {
    const { stage } = this.#record;
    if (this.isOld(now)) return this.close(now, 'TERMINATED');
    if (bytesOf(frame) > this.#rules.limits.messageBytes) return this.close(now, 'MESSAGE_TOO_BIG');
    // no timer lives until then
    const overdue = stage.kind === 'wait-init' ? this.#machine.tick(now) : [];
    if (overdue.length > 0) return this.#toOutputs(overdue, now);
    if (stage.kind !== 'ready' && isEarly(this.#record.protocol, frame)) {
      return this.#hold(frame, stage.held, now);
    }
    return this.#read(frame, now);
  }

  /** The connect hook accepted. */
  accept(
    now: number,
    { session, ackPayload, request }: GatewayAcceptance,
  ): readonly GatewayOutput[] {
    const { stage } = this.#record;
    if (stage.kind !== 'init-pending') return nothing;
    const outputs = [...this.#toOutputs(this.#machine.accept(now, ackPayload), now)];
    this.#record = { ...this.#record, request, stage: { kind: 'ready', session } };
    for (const frame of stage.held) {
      if (!this.#isOver) outputs.push(...this.#read(frame, now));
    }
    return outputs;
  }

  /** The connect hook refused. */
  refuse(now: number, refusal: { readonly reason?: string }): readonly GatewayOutput[] {
    return this.#toOutputs(this.#machine.refuse(now, refusal), now);
  }

  /** The connect hook failed. */
  fail(now: number): readonly GatewayOutput[] {
    return this.#toOutputs(this.#machine.fail(now), now);
  }

  close(now: number, error: ClosingCode): readonly GatewayOutput[] {
    return this.#toOutputs(this.#machine.close(now, error), now);
  }

  /** Whether an operation has not ended. */
  has(token: string): boolean {
    return this.#running.has(token);
  }

  /** A subscription listens from now on; false if it has ended. */
  listen(token: string, place: SubscriptionPlace): boolean {
    if (!this.has(token)) return false;
    const operations = this.#record.operations.map((claim) =>
      claim.token === token ? { ...claim, place } : claim,
    );
    this.#record = { ...this.#record, operations };
    return true;
  }

  /** The frame of one result; `undefined` if its operation has ended. */
  encodeResult(token: string, resultText: string): string | undefined {
    const running = this.#running.get(token);
    return running && this.#machine.encodeResult(running.operation.id, resultText);
  }

  /** Ends an operation after its last result. */
  complete(token: string, now: number): readonly GatewayOutput[] {
    return this.#end(token, now, ({ operation }) => this.#machine.complete(operation));
  }

  /** Ends an operation with errors. */
  error(token: string, errors: readonly FormattedError[], now: number): readonly GatewayOutput[] {
    return this.#end(token, now, ({ operation }) => this.#machine.error(operation, errors));
  }

  /** Whether its client may have nothing any more: the session that it was let in with is over. */
  hasExpired(now: number): boolean {
    const { stage } = this.#record;
    if (stage.kind !== 'ready') return false;
    const { expiresAt }: SessionMembers = stage.session;
    // the connect hook was asked for a date or a number, and only the number is plain JSON
    return typeof expiresAt === 'number' && now >= expiresAt;
  }

  /** Whether it has to come back as a new one, before its record expires. */
  isOld(now: number): boolean {
    const { openedAt, expiresAt } = this.#record;
    return now >= openedAt + renewalShare * (expiresAt - openedAt);
  }

  #restore(claim: OperationClaim): void {
    const { protocol, openedAt } = this.#record;
    for (const output of this.#machine.receive(startFrame(protocol, claim.id), openedAt)) {
      if (output.kind !== 'start') continue;
      this.#running.set(claim.token, { claim, operation: output.operation });
    }
  }

  #read(frame: Frame, now: number): readonly GatewayOutput[] {
    const outputs = this.#machine.receive(frame, now);
    const isWork = outputs.some(({ kind }) => kind !== 'send' && kind !== 'renew');
    if (!isWork && !this.#mayBeIdle(frame, now))
      return this.close(now, 'TOO_MANY_CONTROL_MESSAGES');
    if (outputs.some(({ kind }) => kind === 'connect')) {
      const { stage } = this.#record;
      const held = stage.kind === 'ready' ? [] : stage.held;
      this.#record = { ...this.#record, stage: { kind: 'init-pending', held } };
    }
    return this.#toOutputs(outputs, now);
  }

  /** Charges a message that led to no work, unless it is a stop that crossed our end of the operation. */
  #mayBeIdle(frame: Frame, now: number): boolean {
    const { controlMessagesPerSecond: perSecond, controlMessageBurst: burst } = this.#rules.limits;
    const id = stopIdOf(this.#record.protocol, frame);
    if (id !== undefined && this.#takeTrace(id, 'ended', now)) return true;
    if (id !== undefined) this.#leaveTrace(id, 'stopped', now);
    const controls = takeFrom(this.#record.controls, { perSecond, burst }, now);
    if (controls) this.#record = { ...this.#record, controls };
    return controls !== undefined;
  }

  #hold(frame: Frame, held: readonly string[], now: number): readonly GatewayOutput[] {
    const { stage } = this.#record;
    if (stage.kind === 'ready' || typeof frame !== 'string') return this.close(now, 'BAD_REQUEST');
    if (!hasRoomFor(frame, held)) return this.close(now, 'AT_CAPACITY');
    this.#record = { ...this.#record, stage: { kind: stage.kind, held: [...held, frame] } };
    return nothing;
  }

  #toOutputs(outputs: readonly ServerOutput[], now: number): readonly GatewayOutput[] {
    if (outputs.some(({ kind }) => kind === 'close')) this.#isOver = true;
    return outputs.flatMap((output) => this.#toOutput(output, now));
  }

  #toOutput(output: ServerOutput, now: number): readonly GatewayOutput[] {
    switch (output.kind) {
      case 'send':
      case 'connect':
        return [output];
      case 'renew':
        return this.#toOutputs(this.#machine.renewed(output.echo), now); // its record has its session for good
      case 'start':
        return this.#start(output.operation, output.request, now);
      case 'cancel':
        return this.#cancel(output.operation);
      case 'close':
        return [{ kind: 'close', code: output.code, reason: output.reason }];
      case 'ping':
      case 'destroy':
        return nothing; // the gateway itself keeps connections alive, and ends them
    }
  }

  #start(
    operation: ServerOperation,
    request: OperationRequest,
    now: number,
  ): readonly GatewayOutput[] {
    const { id } = operation;
    if (this.#takeTrace(id, 'stopped', now)) {
      return this.#toOutputs(this.#machine.complete(operation), now);
    }
    this.#takeTrace(id, 'ended', now);
    const refusal = this.#refuse(operation, now);
    if (refusal) return this.#toOutputs(this.#machine.error(operation, [refusal]), now);
    const claim: OperationClaim = { id, token: this.#rules.newToken() };
    this.#running.set(claim.token, { claim, operation });
    this.#record = { ...this.#record, operations: [...this.#record.operations, claim] };
    return [{ kind: 'start', claim, request }];
  }

  #refuse({ id }: ServerOperation, now: number): FormattedError | undefined {
    const { limits } = this.#rules;
    const { operationCount, idBytes } = this.#machine;
    const refusal = new OperationQuota(this.#rules, now).refuse(id, operationCount, idBytes, now);
    if (refusal) return refusal;
    const starts = takeFrom(this.#record.starts, startRate(limits), now);
    if (!starts)
      return limitError('RATE_LIMITED', 'subscribesPerSecond', limits.subscribesPerSecond);
    this.#record = { ...this.#record, starts };
    return undefined;
  }

  #cancel(operation: ServerOperation): readonly GatewayOutput[] {
    // whoever forgets the connection finds all of them in the record
    if (this.#isOver) return nothing;
    for (const { claim, operation: other } of this.#running.values()) {
      if (other !== operation) continue;
      const { operations } = this.#record;
      const claimed = operations.find(({ token }) => token === claim.token) ?? claim;
      this.#drop(claim);
      return [{ kind: 'cancel', claim: claimed }];
    }
    return nothing;
  }

  #end(
    token: string,
    now: number,
    end: (running: Running) => readonly ServerOutput[],
  ): readonly GatewayOutput[] {
    const running = this.#running.get(token);
    if (!running) return nothing;
    this.#drop(running.claim);
    this.#leaveTrace(running.claim.id, 'ended', now);
    return this.#toOutputs(end(running), now);
  }

  #drop({ token }: OperationClaim): void {
    this.#running.delete(token);
    const operations = this.#record.operations.filter((claim) => claim.token !== token);
    this.#record = { ...this.#record, operations };
  }

  #leaveTrace(id: string | number, kind: 'stopped' | 'ended', now: number): void {
    this.#record = { ...this.#record, traces: leaveTrace(this.#record.traces, { id, kind }, now) };
  }

  #takeTrace(id: string | number, kind: 'stopped' | 'ended', now: number): boolean {
    const { traces } = this.#record;
    const left = takeTrace(traces, { id, kind }, now);
    this.#record = { ...this.#record, traces: left ?? traces };
    return left !== undefined;
  }
}

/** The record of a connection that was opened at `now`. */
export function openedConnection(
  { limits }: Pick<GatewayRules, 'limits'>,
  opened: {
    readonly protocol: GatewayProtocol;
    readonly request: RequestHead;
    readonly now: number;
    readonly lifetimeMs: number;
  },
): ConnectionRecord {
  const { protocol, request, now, lifetimeMs } = opened;
  const { controlMessagesPerSecond: perSecond, controlMessageBurst: burst } = limits;
  return {
    protocol,
    openedAt: now,
    expiresAt: now + lifetimeMs,
    request,
    stage: { kind: 'wait-init', held: [] },
    operations: [],
    traces: [],
    starts: fullBucket(startRate(limits), now),
    controls: fullBucket({ perSecond, burst }, now),
  };
}

function startRate({ subscribesPerSecond, subscribeBurst }: EffectiveLimits): {
  readonly perSecond: number;
  readonly burst: number;
} {
  return { perSecond: subscribesPerSecond, burst: subscribeBurst };
}

function bytesOf(frame: Frame): number {
  return typeof frame === 'string' ? utf8Length(frame) : frame.byteLength;
}
