import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';

/** Who answers what an HTTP server receives. */
export interface Taking<Rest extends readonly unknown[]> {
  readonly isOurs: (request: IncomingMessage) => boolean;
  readonly take: (request: IncomingMessage, ...rest: Rest) => void;
  /** Answers what is not ours when nobody else listens. */
  readonly refuse: (request: IncomingMessage, ...rest: Rest) => void;
}

/**
 * Puts ourselves before the listeners that `httpServer` has for `event`; they get what is not ours.
 *
 * @remarks
 * Listeners of an emitter cannot stop each other, and those of frameworks answer every path, if only with 404: to answer once
 * they have to be called by us.
 */
export function takeFirst<Rest extends readonly unknown[]>(
  httpServer: EventEmitter,
  event: 'request' | 'upgrade',
  { isOurs, take, refuse }: Taking<Rest>,
): { giveBack(): void } {
  const others = httpServer.rawListeners(event) as Listener[]; // of this event: they take its arguments
  let isActive = true;

  const listener = (request: IncomingMessage, ...rest: Rest): void => {
    if (isActive && isOurs(request)) return take(request, ...rest);
    if (isActive && others.length === 0 && httpServer.listenerCount(event) === 1)
      return refuse(request, ...rest);
    for (const other of others) other.call(httpServer, request, ...rest);
  };
  replaceListeners(httpServer, event, [listener as Listener]);
  return {
    giveBack() {
      isActive = false;
      retired.set(listener as Listener, others);
      const known = httpServer.rawListeners(event) as Listener[];
      replaceListeners(httpServer, event, known.flatMap(unwrap));
    },
  };
}

type Listener = (...values: unknown[]) => void;

/**
 * What stood behind listeners that were taken back. One that somebody who came later took over stays there until they give it back,
 * and passes everything on.
 */
const retired = new WeakMap<Listener, readonly Listener[]>();

function unwrap(listener: Listener): readonly Listener[] {
  return retired.get(listener)?.flatMap(unwrap) ?? [listener];
}

function replaceListeners(
  httpServer: EventEmitter,
  event: 'request' | 'upgrade',
  listeners: readonly Listener[],
): void {
  httpServer.removeAllListeners(event);
  for (const listener of listeners) httpServer.on(event, listener);
}
