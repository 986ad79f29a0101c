import type { ServerCore } from './core.ts';

/**
 * The context of one event: what `eventContext` makes, otherwise an object that inherits from the operation's context, so that
 * what one event's resolvers put there (data loaders) does not live on in the next.
 */
export function eventContextFor(core: ServerCore, context: unknown): unknown {
  if (core.options.eventContext) return core.options.eventContext(context);
  return typeof context === 'object' && context !== null
    ? (Object.create(context) as unknown)
    : context;
}
