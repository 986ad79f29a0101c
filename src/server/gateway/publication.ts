import type { ConnectionRecord, SubscriptionRecord } from './connection-record.ts';
import { parseSubscriptionRecord } from './connection-record.ts';
import type { GatewayCall } from './gateway-call.ts';
import type { GatewayDelivery } from './gateway-options.ts';
import type { SubscriptionPlace } from './gateway-store.ts';
import { inParallel } from './in-parallel.ts';
import { PublicationGroup } from './publication-group.ts';
import { Subscriber } from './subscriber.ts';

/** Connections that are read at once. */
const readsAtOnce = 64;

/** One event on its way to all who subscribed to it. */
export class Publication {
  readonly #call: GatewayCall;
  readonly #place: SubscriptionPlace;
  readonly #event: unknown;
  /** A store may give one twice. */
  readonly #seen = new Set<string>();
  /** By what their members asked, over all pages. */
  readonly #groups = new Map<string, PublicationGroup>();
  readonly #counts = { delivered: 0, gone: 0, failed: 0 };

  constructor(call: GatewayCall, place: SubscriptionPlace, event: unknown) {
    this.#call = call;
    this.#place = place;
    this.#event = event;
  }

  /** Resolves once everybody was told; rejects if the store fails. */
  async deliver(): Promise<GatewayDelivery> {
    const { store } = this.#call.parts;
    for (let cursor: string | undefined; ;) {
      const page = await store.listSubscriptions(this.#place, cursor);
      await this.#deliverTo(page.texts.map(parseSubscriptionRecord));
      if (page.cursor === undefined) return this.#counts;
      cursor = page.cursor;
    }
  }

  async #deliverTo(records: readonly SubscriptionRecord[]): Promise<void> {
    const fresh = records.filter(({ token }) => !this.#seen.has(token));
    for (const { token } of fresh) this.#seen.add(token);
    const groups = new Set<PublicationGroup>();
    const expired: Subscriber[] = [];
    const connections = new Map<string, Promise<ConnectionRecord | undefined>>();
    await inParallel(fresh, readsAtOnce, async (record) => {
      const subscriber = await this.#toSubscriber(record, connections);
      if (!subscriber) return;
      if (subscriber.hasExpired) return void expired.push(subscriber);
      const group = this.#groupOf(subscriber);
      groups.add(group);
      group.add(subscriber);
    });
    const { pushesAtOnce } = this.#call.parts.options;
    const deliveries = [
      ...expired.map((subscriber) => () => subscriber.leave()),
      ...[...groups].flatMap((group) => group.takeDeliveries()),
    ];
    await inParallel(deliveries, pushesAtOnce, async (deliver) => {
      const outcome = await deliver();
      if (outcome !== 'dropped') this.#counts[outcome] += 1;
    });
  }

  #groupOf({ groupKey }: Subscriber): PublicationGroup {
    if (groupKey === undefined) return new PublicationGroup(this.#event);
    const group = this.#groups.get(groupKey) ?? new PublicationGroup(this.#event);
    this.#groups.set(groupKey, group);
    return group;
  }

  /** `undefined` if nobody is there any more who wants it. */
  async #toSubscriber(
    record: SubscriptionRecord,
    connections: Map<string, Promise<ConnectionRecord | undefined>>,
  ): Promise<Subscriber | undefined> {
    const { connectionId, token } = record;
    const { parts } = this.#call;
    const reading = connections.get(connectionId) ?? parts.connections.read(connectionId);
    connections.set(connectionId, reading);
    const connection = await reading;
    const restored = connection && parts.connections.restore(connection);
    if (!connection || !restored?.has(token)) {
      // whoever was to remove it did not come to that
      await parts.store.removeSubscription(this.#place, token);
      return undefined;
    }
    return new Subscriber(this.#call, { subscription: record, connection, restored });
  }
}
