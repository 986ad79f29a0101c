import { defaultFieldResolver } from 'graphql';
import type { GraphQLFieldResolver } from 'graphql';

/**
 * Stands in for the context while an event is executed once for many subscribers, and notices where one would be needed.
 *
 * @remarks
 * For a selection that is pure by `purityOf`, and an event that is not itself a function. If
 * {@link GuardContext.wasTouched} after its execution, the result MUST be thrown away and the event be executed for each
 * subscriber with a context of their own. Otherwise nothing has looked inside a context.
 *
 * {@link GuardContext.fieldResolver} calls no function of the event. graphql itself still does where the `resolve` of a
 * field is `defaultFieldResolver` by name; what such a function, or one that was wrongly declared pure, does with
 * {@link GuardContext.context} is noticed, save that it compares it with something or looks it up in a `WeakMap`.
 *
 * One guard serves any number of executions one after the other, at the cost of a flag. What an earlier event does
 * after its end counts for the current one, which then is executed for each subscriber without need.
 */
export interface GuardContext {
  /** Throws for whatever is done with it. */
  readonly context: unknown;
  /**
   * For fields without a resolver, in place of graphql's default: equal, but a property that is a function counts as
   * touched instead of being called. Not for engines that have a `fieldResolver` of their own.
   */
  readonly fieldResolver: GraphQLFieldResolver<unknown, unknown>;
  /** Whether the execution since the last {@link GuardContext.reset} needed to know for whom it was. */
  readonly wasTouched: boolean;
  reset(): void;
}

const guards = new WeakSet<object>();

/** Whether a field resolver reads properties as graphql's default does, and differs only where one is a function. */
export function readsProperties(fieldResolver: GraphQLFieldResolver<unknown, unknown>): boolean {
  return fieldResolver === defaultFieldResolver || guards.has(fieldResolver);
}

/** Untouched at first. */
export function createGuardContext(): GuardContext {
  return new Guard();
}

class Guard implements GuardContext {
  #wasTouched = false;
  readonly context: unknown;

  constructor() {
    guards.add(this.fieldResolver);
    const touch = () => {
      this.#wasTouched = true;
      throw new TypeError(
        'An execution that is shared by several subscribers has no context. What reads one must not be declared pure.',
      );
    };
    // Whatever trap is looked up, it is `touch`: those of a later ECMAScript, too.
    this.context = new Proxy(Object.freeze({}), new Proxy({}, { get: () => touch }));
  }

  get wasTouched(): boolean {
    return this.#wasTouched;
  }

  reset(): void {
    this.#wasTouched = false;
  }

  readonly fieldResolver: GraphQLFieldResolver<unknown, unknown> = (source, _args, _, info) => {
    if (!hasProperties(source)) return undefined;
    const property = source[info.fieldName];
    if (typeof property !== 'function') return property;
    this.#wasTouched = true;
    return null;
  };
}

/** As graphql's default resolver decides. */
function hasProperties(source: unknown): source is Readonly<Record<string, unknown>> {
  return (typeof source === 'object' && source !== null) || typeof source === 'function';
}
