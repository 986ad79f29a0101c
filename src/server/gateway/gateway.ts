import { UsageError } from '../../errors.ts';
import { createCore } from '../core.ts';
import { givenNumbers } from '../limits.ts';
import type { ServerOptions } from '../options.ts';
import { decideUpgrade } from '../upgrade.ts';
import type { ConnectionRecord, GatewayProtocol } from './connection-record.ts';
import { Connections } from './connections.ts';
import { GatewayCall } from './gateway-call.ts';
import type { GatewayParts } from './gateway-call.ts';
import type { GatewayRules } from './gateway-connection.ts';
import { openedConnection } from './gateway-connection.ts';
import type {
  Gateway,
  GatewayConnect,
  GatewayConnectAnswer,
  GatewayDelivery,
  GatewayMessage,
  GatewayOptions,
} from './gateway-options.ts';
import { gatewayDefaults } from './gateway-options.ts';
import { bindTopics } from './gateway-topics.ts';
import { guardStore } from './guarded-store.ts';
import { Publication } from './publication.ts';
import { Pushes } from './pushes.ts';
import { assertResolving } from './registering-engine.ts';
import { trackHooks } from './tracked-hooks.ts';

const gatewayProtocols: readonly GatewayProtocol[] = [
  'graphql-transport-ws',
  'subscriptions-transport-ws',
];

/** Makes a gateway; throws {@link UsageError} for options that cannot work. */
export function createStatelessGateway(
  serverOptions: ServerOptions,
  options: GatewayOptions,
): Gateway {
  const gateway = new StatelessGateway(toParts(serverOptions, options));
  if (options.topics) bindTopics(options.topics, gateway);
  return gateway;
}

class StatelessGateway implements Gateway {
  readonly #parts: GatewayParts;
  readonly #rules: GatewayRules;

  constructor({ parts, rules }: { readonly parts: GatewayParts; readonly rules: GatewayRules }) {
    this.#parts = parts;
    this.#rules = rules;
  }

  async connect({ connectionId, request }: GatewayConnect): Promise<GatewayConnectAnswer> {
    const decision = decideUpgrade(this.#parts.core, request);
    switch (decision.kind) {
      case 'refuse':
        return { kind: 'refuse', status: decision.status, message: decision.message };
      case 'accept-and-close':
        return { kind: 'refuse', status: 400, message: decision.reason };
      case 'accept': {
        const { subprotocol } = decision;
        const protocol = gatewayProtocols.find((known) => known === decision.protocol);
        if (!protocol)
          return { kind: 'refuse', status: 400, message: 'Subprotocol not acceptable' };
        // one that is known already is an event that was given twice
        await this.#parts.connections.open(connectionId, this.#toRecord(protocol, request));
        return { kind: 'accept', subprotocol };
      }
    }
  }

  message(event: GatewayMessage): Promise<void> {
    return this.#call(async (call) => {
      try {
        await this.#receive(call, event);
      } catch (error) {
        // something is lost, and whoever waits for it has to notice
        await this.#parts.pushes.closeFor(event.connectionId, 'TERMINATED');
        throw error;
      }
    }, event.request);
  }

  disconnect(
    connectionId: string,
    { code = 1006, reason = '' }: { readonly code?: number; readonly reason?: string } = {},
  ): Promise<void> {
    return this.#call((call) => call.forget(connectionId, { code, reason }));
  }

  publish(
    topic: string,
    event: unknown,
    { key = '' }: { readonly key?: string } = {},
  ): Promise<GatewayDelivery> {
    return this.#call((call) => new Publication(call, { topic, key }, event).deliver());
  }

  async #receive(call: GatewayCall, { connectionId, data }: GatewayMessage): Promise<void> {
    const { connections, pushes, now } = this.#parts;
    const update = await connections.update(connectionId, (connection) =>
      connection.receive(data, now()),
    );
    if (update.kind === 'unknown') await pushes.closeFor(connectionId, 'TERMINATED');
    await call.perform(connectionId, update);
  }

  async #call<Result>(
    work: (call: GatewayCall) => Promise<Result>,
    request?: GatewayMessage['request'],
  ): Promise<Result> {
    const { core, settled } = trackHooks(this.#parts.core);
    try {
      return await work(new GatewayCall(this.#parts, core, request));
    } finally {
      await settled();
    }
  }

  #toRecord(protocol: GatewayProtocol, request: GatewayConnect['request']): ConnectionRecord {
    const { method, url, headers, remoteAddress } = request;
    const head = { method, url, headers, ...(remoteAddress !== undefined && { remoteAddress }) };
    const { now, options } = this.#parts;
    const { lifetimeMs } = options;
    return openedConnection(this.#rules, { protocol, request: head, now: now(), lifetimeMs });
  }
}

function toParts(
  serverOptions: ServerOptions,
  options: GatewayOptions,
): { readonly parts: GatewayParts; readonly rules: GatewayRules } {
  const { lifetimeMs, sessionBytes, frameBytes, pushesAtOnce } = options;
  const now = options.now ?? serverOptions.now ?? Date.now;
  const numbers = givenNumbers('gateway', { lifetimeMs, sessionBytes, frameBytes, pushesAtOnce });
  const effective = { ...gatewayDefaults, ...options, ...numbers };
  if (!Number.isFinite(effective.lifetimeMs) || !Number.isInteger(effective.pushesAtOnce)) {
    throw new UsageError('lifetimeMs must be finite and pushesAtOnce an integer');
  }
  const core = createCore({
    ...serverOptions,
    protocols: protocolsOf(serverOptions),
    resume: false,
    now,
  });
  assertResolving(core.engine);
  const store = guardStore(options.store);
  const rules = { limits: core.limits, machine: timeless(core.limits), newToken };
  const connections = new Connections(store, rules, now);
  const pushes = new Pushes(options.push, core.report);
  const { engine } = core;
  return { parts: { core, engine, store, connections, pushes, options: effective, now }, rules };
}

function newToken(): string {
  return crypto.randomUUID();
}

/** No timer lives: of all deadlines only that of the init message is looked at, by the next message. */
function timeless({ initDeadlineMs }: GatewayRules['limits']): GatewayRules['machine'] {
  const never = Number.POSITIVE_INFINITY;
  return {
    initDeadlineMs,
    pingAfterMs: never,
    pingAnswerMs: never,
    keepAliveMs: never,
    controlMessagesPerSecond: never,
  };
}

/** What a process would count cannot be counted here, and a bound that does not hold is worse than none. */
function protocolsOf({
  protocols,
  principal,
  revocations,
}: ServerOptions): readonly GatewayProtocol[] {
  if (principal) throw new UsageError('a gateway cannot count what a `principal` holds');
  if (revocations) throw new UsageError('a gateway cannot listen to `revocations`');
  if (!protocols) return ['graphql-transport-ws'];
  return gatewayProtocols.filter((protocol) => protocols.includes(protocol));
}
