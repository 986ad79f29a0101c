import * as graphql from 'graphql';

// Some supported versions of graphql lack these exports. A bare access to a missing member of a namespace
// is refused by some loaders, hence `in`.

/** graphql 17: answers queries with `@defer` and `@stream` in parts. */
export const executeIncrementally: typeof graphql.experimentalExecuteIncrementally | undefined =
  'experimentalExecuteIncrementally' in graphql
    ? graphql.experimentalExecuteIncrementally
    : undefined;

/** graphql 17: coerces the variables of a subscription once for all its events. */
export const validateSubscriptionArgs: typeof graphql.validateSubscriptionArgs | undefined =
  'validateSubscriptionArgs' in graphql ? graphql.validateSubscriptionArgs : undefined;

/** graphql 17: executes one event with what {@link validateSubscriptionArgs} gave. */
export const executeSubscriptionEvent: typeof graphql.executeSubscriptionEvent | undefined =
  'executeSubscriptionEvent' in graphql ? graphql.executeSubscriptionEvent : undefined;
