import type { IncomingMessage, Server as HttpServer } from 'node:http';

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
  httpServer: HttpServer,
  event: 'request' | 'upgrade',
  { isOurs, take, refuse }: Taking<Rest>,
): { giveBack(): void } {
  // an emitter calls its listeners with the arguments of the event, whatever it declares of them
  type Listener = (request: IncomingMessage, ...rest: Rest) => void;
  const listeners = (): Listener[] => httpServer.rawListeners(event) as Listener[];
  const others = listeners();
  let isActive = true;

  const listener: Listener = (request, ...rest) => {
    if (isActive && isOurs(request)) return take(request, ...rest);
    if (isActive && others.length === 0 && httpServer.listenerCount(event) === 1)
      return refuse(request, ...rest);
    for (const other of others) other.call(httpServer, request, ...rest);
  };
  replaceListeners(httpServer, event, [listener]);
  return {
    giveBack() {
      isActive = false;
      // if it is not there, somebody who came later took it over like this and calls it, and it passes everything on
      const restored = listeners().flatMap((known) => (known === listener ? others : [known]));
      replaceListeners(httpServer, event, restored);
    },
  };
}

function replaceListeners(
  httpServer: HttpServer,
  event: 'request' | 'upgrade',
  listeners: readonly ((...values: never) => void)[],
): void {
  httpServer.removeAllListeners(event);
  for (const listener of listeners) {
    httpServer.on(event, listener as (...values: unknown[]) => void); // it is one of this event's
  }
}
