import type { GraphQLFieldResolver } from 'graphql';

/**
 * Stands in for the context while an event is executed once for many subscribers, and notices where one would be needed.
 *
 * @remarks
 * If {@link GuardContext.wasTouched} after an execution, its result MUST be thrown away and the event be executed for
 * each subscriber with the context of their own. Otherwise nothing called a function with this context that went on
 * to look inside it. What the guard cannot see is a function that compares its context with something or looks it up
 * in a `WeakMap`; only a property that is a function of a field whose `resolve` is `defaultFieldResolver` by name,
 * or what was wrongly declared `pure`, gets that far: {@link GuardContext.fieldResolver} calls nothing at all.
 * An event that itself is a function MUST NOT be executed with a guard.
 *
 * One guard serves any number of executions one after the other, at the cost of a flag. What an earlier event still
 * does counts for the current one, which is then executed for each subscriber without need.
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

export function createGuardContext(): GuardContext {
  return new Guard();
}

class Guard implements GuardContext {
  #wasTouched = false;
  readonly context: unknown;

  constructor() {
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
