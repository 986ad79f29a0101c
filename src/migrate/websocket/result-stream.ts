import { GraphQLError } from 'graphql';
import type { ExecutionResult, GraphQLField } from 'graphql';

import type { EventExecutor, ResolvedSubscription } from '../../execution/index.ts';
import type { SourceStream } from '../../stream/source.ts';
import { messageOf, viewedStart } from './shown-errors.ts';
import type { ErrorView } from './shown-errors.ts';

export function isAsyncIterable(value: unknown): value is AsyncIterable<ExecutionResult> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** Events that are results already. */
const results: EventExecutor = {
  execute: (event) => event as ExecutionResult, // `execute` and `subscribe` of a program say so
  failEvent: (error) => ({ errors: [new GraphQLError(messageOf(error))] }),
};

/** A subscription whose results are there, or come from somewhere else: it shares nothing. */
export function resolveResults(
  field: GraphQLField<unknown, unknown>,
  stream: SourceStream<unknown>,
  view: ErrorView,
): ResolvedSubscription {
  return {
    kind: 'resolved',
    field,
    stream,
    async start() {
      const source = await stream.open();
      const { pace } = stream;
      return viewedStart({ kind: 'started', field: field.name, pace, source, ...results }, view);
    },
    open: async (open) => ({ kind: 'opened', reader: await open() }),
    detach: () => results,
  };
}
