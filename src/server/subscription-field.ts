import type { GraphQLField, GraphQLResolveInfo } from 'graphql';

import type { EventFunction, Topic, TopicSource } from '../broker/types.ts';
import { isDeclaredPure, pure, pureInSource } from '../execution/index.ts';
import { assertSlowConsumerPolicy } from './slow-consumer.ts';
import type { SlowConsumerPolicy } from './slow-consumer.ts';

/** Which events of a topic a subscription field delivers, and as what. */
export interface SubscriptionFieldOptions<Event, Args, Context, Result> {
  readonly topic: Pick<Topic<Event>, 'source'>;
  /** The log to read of those that the topic has. @defaultValue `''`, the log of events that were published without a key */
  readonly key?: (args: Args, context: Context) => string;
  /**
   * Keeps the events that this subscriber shall see; `context` is that of its operation. One that throws fails that one event.
   *
   * @remarks
   * An event that is a function fails, too: nothing is known of it before it is delivered.
   */
  readonly filter?: (event: Event, args: Args, context: Context) => boolean | Promise<boolean>;
  /** What the field returns for an event; `context` is that of the event. @defaultValue the event itself */
  readonly resolve?: (
    event: Event,
    args: Args,
    context: Context,
    info: GraphQLResolveInfo,
  ) => Result;
  /**
   * Names those among whom one execution of an event may be shared: equal strings, equal answers, whoever asks.
   * `undefined` shares with nobody.
   */
  readonly audience?: (context: Context) => string | undefined;
  /** What happens to the events of this field for a client that reads slowly. @defaultValue that of the server */
  readonly slowConsumer?: SlowConsumerPolicy;
}

/** What a resolver map or a schema builder takes as the definition of a field. */
export interface SubscriptionField<Event, Args, Context, Result> {
  readonly subscribe: (root: unknown, args: Args, context: Context) => TopicSource<Event>;
  readonly resolve: (
    event: Event,
    args: Args,
    context: Context,
    info: GraphQLResolveInfo,
  ) => Result | Promise<Awaited<Result>>;
  /** For the server; tools that wrap resolvers leave it alone. */
  readonly extensions?: { readonly millrace: SubscriptionFieldExtensions<Context> };
}

/** What a field says about itself to the server. */
export interface SubscriptionFieldExtensions<Context> {
  readonly audience?: (context: Context) => string | undefined;
  readonly slowConsumer?: SlowConsumerPolicy;
}

/** What {@link subscriptionField} says about a field of a schema; empty for others. */
export function extensionsOf(
  field: Pick<GraphQLField<unknown, unknown>, 'extensions'>,
): SubscriptionFieldExtensions<unknown> {
  // `subscriptionField` put it there; other programs have no reason to use our name
  const ours = field.extensions['millrace'] as SubscriptionFieldExtensions<unknown> | undefined;
  return ours ?? {};
}

/**
 * Feeds a subscription field from a topic of a broker.
 *
 * @remarks
 * The types of arguments and context come from the annotations of `key`, `filter` and `resolve`, that of the events from the
 * topic. An event that is a function is called with the event's context before it is resolved. The field works under plain graphql-js as well.
 *
 * @throws UsageError for an unknown `slowConsumer`
 */
export function subscriptionField<Event, Args = unknown, Context = unknown, Result = Event>(
  options: SubscriptionFieldOptions<Event, Args, Context, Result>,
): SubscriptionField<Event, Args, Context, Result> {
  const { topic, key, filter, resolve, audience, slowConsumer } = options;
  if (slowConsumer !== undefined) assertSlowConsumerPolicy(slowConsumer);
  type Resolve = SubscriptionField<Event, Args, Context, Result>['resolve'];
  return {
    subscribe: (_root, args, context) => {
      const source = topic.source(key?.(args, context) ?? '');
      return filter ? source.filter((event) => filter(event, args, context)) : source;
    },
    // Whoever gives no `resolve` gets the default of `Result`, which is `Event`.
    resolve: resolve ? evaluateFirst(resolve) : (deliverEvent as Resolve),
    ...((audience ?? slowConsumer) && {
      extensions: {
        millrace: { ...(audience && { audience }), ...(slowConsumer && { slowConsumer }) },
      },
    }),
  };
}

/** Pure, because an event that is a function is never executed for several subscribers at once. */
const deliverEvent = pureInSource((event: unknown, _args: unknown, context: unknown): unknown =>
  isEventFunction(event) ? event(context) : event,
);

type EventResolver<Event, Args, Context, Result> = (
  event: Event,
  args: Args,
  context: Context,
  info: GraphQLResolveInfo,
) => Result;

/** As pure as `resolve`, for the same reason. */
function evaluateFirst<Event, Args, Context, Result>(
  resolve: EventResolver<Event, Args, Context, Result>,
): EventResolver<Event, Args, Context, Result | Promise<Awaited<Result>>> {
  const evaluate: ReturnType<typeof evaluateFirst<Event, Args, Context, Result>> = (
    event,
    args,
    context,
    info,
  ) => {
    if (!isEventFunction(event)) return resolve(event, args, context, info);
    return Promise.resolve(event(context)).then(
      // `publish` takes functions that give an `Event`, and no others.
      async (value): Promise<Awaited<Result>> => await resolve(value as Event, args, context, info),
    );
  };
  return isDeclaredPure(resolve) ? pure(evaluate) : evaluate;
}

function isEventFunction(event: unknown): event is EventFunction<unknown> {
  return typeof event === 'function';
}
