import { createTopicSource } from '../../broker/topic-source.ts';
import type { TopicSource } from '../../broker/types.ts';
import { UsageError } from '../../errors.ts';
import type { Gateway, GatewayDelivery } from './gateway-options.ts';

/** One topic of a gateway, for `subscriptionField` and for those who publish. */
export interface GatewayTopic<Event> {
  readonly name: string;
  /** Names what a subscription listens to; it cannot be opened. */
  source(key?: string): TopicSource<Event>;
  /** {@link Gateway.publish} of the gateway that the topics were given to. */
  publish(event: Event, options?: { readonly key?: string }): Promise<GatewayDelivery>;
}

/** Topics without a broker: what is published goes to the subscribers at once, and is kept nowhere. */
export interface GatewayTopics {
  topic<Event>(name: string): GatewayTopic<Event>;
}

const gateways = new WeakMap<GatewayTopics, Pick<Gateway, 'publish'>>();

/** Makes the topics of a schema, before there is a gateway for it. */
export function createGatewayTopics(): GatewayTopics {
  const topics: GatewayTopics = {
    topic: <Event>(name: string) => new Topic<Event>(topics, name),
  };
  return topics;
}

/** From now on `gateway` delivers what is published to `topics`. */
export function bindTopics(topics: GatewayTopics, gateway: Pick<Gateway, 'publish'>): void {
  if (gateways.has(topics)) throw new UsageError('these topics belong to another gateway already');
  gateways.set(topics, gateway);
}

class Topic<Event> implements GatewayTopic<Event> {
  readonly name: string;
  readonly #topics: GatewayTopics;

  constructor(topics: GatewayTopics, name: string) {
    this.#topics = topics;
    this.name = name;
  }

  source(key = ''): TopicSource<Event> {
    return createTopicSource({
      owner: this.#topics,
      topic: this.name,
      key,
      open: () => Promise.reject(new UsageError('topics of a gateway cannot be read')),
    });
  }

  async publish(event: Event, options: { readonly key?: string } = {}): Promise<GatewayDelivery> {
    const gateway = gateways.get(this.#topics);
    if (!gateway) throw new UsageError('the topics were given to no gateway');
    return gateway.publish(this.name, event, options);
  }
}
