import type { GraphQLSchema } from 'graphql';

import { isSharable } from '../../broker/sharable-source.ts';
import type { SharableSource } from '../../broker/sharable-source.ts';
import type { ErrorCode } from '../../errors.ts';
import type { PreparedOperation, ResolvedSubscription } from '../../execution/index.ts';
import type { FormattedError } from '../../vocabulary.ts';
import type { OperationEvent } from '../options.ts';
import type { ResultText } from '../result-text.ts';
import type { ShareDecision } from '../sharing/share-plan.ts';
import { decideSharing } from '../sharing/share-plan.ts';
import { variablesKey } from '../sharing/variables-key.ts';
import type { ConnectionRecord, SubscriptionRecord } from './connection-record.ts';
import { encodeWithin } from './encode-within.ts';
import type { GatewayCall } from './gateway-call.ts';
import type { GatewayConnection } from './gateway-connection.ts';

/** What an event came to for one subscriber. */
export type DeliveryOutcome = 'delivered' | 'gone' | 'failed' | 'dropped';

/** A subscription with everything that was made anew for it: as if it had been started in this process. */
export interface RebuiltSubscription {
  readonly event: OperationEvent<object>;
  readonly context: unknown;
  readonly prepared: PreparedOperation;
  readonly resolved: ResolvedSubscription;
  readonly source: SharableSource;
  readonly decision: ShareDecision;
}

/** What a subscriber is made of. */
export interface StoredSubscriber {
  readonly subscription: SubscriptionRecord;
  readonly connection: ConnectionRecord;
  readonly restored: GatewayConnection;
}

/** Ends a subscription that cannot be rebuilt. */
class Unfit extends Error {
  override readonly name = 'Unfit';
  readonly errors: readonly FormattedError[];

  constructor(errors: readonly FormattedError[]) {
    super('the subscription cannot be rebuilt');
    this.errors = errors;
  }
}

/** One subscription that an event may be for. */
export class Subscriber {
  readonly subscription: SubscriptionRecord;
  readonly #call: GatewayCall;
  readonly #connection: ConnectionRecord;
  readonly #restored: GatewayConnection;
  #rebuilt: Promise<RebuiltSubscription> | undefined;

  constructor(call: GatewayCall, { subscription, connection, restored }: StoredSubscriber) {
    this.#call = call;
    this.subscription = subscription;
    this.#connection = connection;
    this.#restored = restored;
  }

  get core(): GatewayCall['core'] {
    return this.#call.core;
  }

  /** Equal for those who asked the same, as far as that is known without rebuilding them; `undefined` for whoever shares with nobody. */
  get groupKey(): string | undefined {
    const { query, operationName = null, variables, audience } = this.subscription;
    // a schema is chosen by the request, which may be anybody's
    if (audience.kind === 'nobody' || typeof this.core.options.schema === 'function') {
      return undefined;
    }
    const values = variablesKey(variables);
    const name = audience.kind === 'named' ? audience.name : null;
    return values && JSON.stringify([query, operationName, values, name]);
  }

  /** Whether its client may have nothing any more. */
  get hasExpired(): boolean {
    return this.#restored.hasExpired(this.#call.parts.now());
  }

  /** Ends its connection, as its credentials have expired. */
  async leave(): Promise<'gone'> {
    await this.#call.expire(this.subscription.connectionId);
    return 'gone';
  }

  /** What it takes to execute for it; rejects if that cannot be had any more. Once for all who ask. */
  rebuild(): Promise<RebuiltSubscription> {
    this.#rebuilt ??= this.#rebuild();
    return this.#rebuilt;
  }

  /** Runs `deliver`; what it rejects with ends the subscription. */
  async attempt(deliver: () => Promise<DeliveryOutcome>): Promise<DeliveryOutcome> {
    try {
      return await deliver();
    } catch (error) {
      const { masking } = this.core;
      const errors = error instanceof Unfit ? error.errors : [masking.error(error, 'delivery')];
      return this.#end(errors);
    }
  }

  async push({ text }: ResultText): Promise<DeliveryOutcome> {
    const { connectionId, token } = this.subscription;
    const { options, pushes, now } = this.#call.parts;
    if (this.hasExpired) return this.leave();
    const frame = encodeWithin(options.frameBytes, text, (each) =>
      this.#restored.encodeResult(token, each),
    );
    if (frame === undefined) return 'dropped';
    const pushed = await this.#call.send(connectionId, frame);
    if (pushed !== 'sent') return pushed;
    if (this.#restored.isOld(now())) {
      await pushes.closeFor(connectionId, 'TERMINATED');
      await this.#call.forget(connectionId, { code: 1006, reason: '' });
    }
    return 'delivered';
  }

  async #rebuild(): Promise<RebuiltSubscription> {
    const { core, parts } = this.#call;
    const event = this.#call.operationEvent(this.#connection, this.subscription);
    const { request, operation } = event;
    const schema: GraphQLSchema = await core.schemaFor(request);
    const preparation = core.engine.prepare(schema, operation);
    if (preparation.kind === 'refused') throw this.#unfit(preparation.errors, preparation.code);
    const { prepared } = preparation;
    const { context: makeContext } = core.options;
    const context = makeContext
      ? await makeContext.call(core.options, event)
      : { session: event.session, request };
    const { variables } = operation;
    const input = { context, ...(variables && { variables }) };
    const resolved = await parts.engine.resolveSource(prepared, input);
    if (resolved.kind === 'refused') throw this.#unfit(resolved.errors, resolved.code);
    const source = this.#sourceOf(resolved);
    const decision = decideSharing(core, { prepared, resolved, variables, context });
    return { event, context, prepared, resolved, source, decision };
  }

  /** A later version of the program may have put the field elsewhere. */
  #sourceOf({ stream }: ResolvedSubscription): SharableSource {
    const { topic, key } = this.subscription;
    if (isSharable(stream)) {
      const { identity } = stream;
      if (identity.topic === topic && identity.key === key) return stream;
    }
    const error = new Error('the field does not listen to where it did when it was subscribed to');
    throw this.#unfit([error], 'SOURCE_FAILED');
  }

  #unfit(errors: readonly Error[], code: ErrorCode): Unfit {
    const { masking } = this.core;
    return new Unfit(errors.map((error) => masking.error(error, 'delivery', code)));
  }

  async #end(errors: readonly FormattedError[]): Promise<'failed' | 'gone'> {
    const { connectionId, token, topic, key } = this.subscription;
    const { connections, store, now } = this.#call.parts;
    const shown = await this.#replaceErrors(errors);
    const update = await connections.update(connectionId, (connection) =>
      connection.error(token, shown, now()),
    );
    await this.#call.perform(connectionId, update);
    const text = await store.removeSubscription({ topic, key }, token);
    if (text !== undefined) await this.#call.completed(this.#connection, this.subscription);
    return update.kind === 'unknown' ? 'gone' : 'failed';
  }

  async #replaceErrors(errors: readonly FormattedError[]): Promise<readonly FormattedError[]> {
    const { options, masking } = this.core;
    const event = this.#call.operationEvent(this.#connection, this.subscription);
    try {
      const replaced = await options.onError?.({ ...event, errors });
      return replaced === undefined || replaced.length === 0 ? errors : replaced;
    } catch (error) {
      return [masking.error(error, 'onError')];
    }
  }
}
