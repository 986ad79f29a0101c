import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

import { UsageError } from '../errors.ts';
import { toDrainWindow } from '../server/drain.ts';
import type { DrainOptions, RequestHead, Server } from '../server/index.ts';
import type { AttachOptions } from './attach-upgrades.ts';
import { assertServer, pathsOf, takeUpgrades } from './attach-upgrades.ts';
import type {
  FastifyConfigLike,
  FastifyInstanceLike,
  FastifyReplyLike,
  FastifyRequestLike,
} from './fastify-like.ts';
import type { Way } from './node-answers.ts';
import { createAnswers } from './node-answers.ts';
import { NodeRequest } from './node-request.ts';
import { assumeOpenFiles } from './open-files.ts';
import { keepVary } from './vary.ts';

export type {
  FastifyConfigLike,
  FastifyInstanceLike,
  FastifyReplyLike,
  FastifyRequestLike,
} from './fastify-like.ts';

/** Where a server answers in an application of Fastify, below the prefix that the plugin is registered with. */
export interface FastifyPluginOptions extends AttachOptions {
  /** Whether upgrades to WebSocket are answered, too. @defaultValue true */
  readonly webSockets?: boolean;
  /** How `app.close()` drains the server; without it the connections are closed at once. */
  readonly drain?: DrainOptions;
}

/** A plugin of Fastify. */
export type FastifyPlugin = (instance: FastifyInstanceLike) => Promise<void>;

const requests = new WeakMap<RequestHead, FastifyRequestLike>();

/**
 * Answers in an application of Fastify 5, upgrades to WebSocket too: `app.register(createFastifyPlugin(server, { path: '/graphql' }))`.
 *
 * @remarks
 * Requests pass through the hooks of the application, upgrades do not. The body is read by the server, within its own limits. `onSend` hooks see single results;
 * streams are written past them, with the headers that the reply has by then. `app.close()` closes the server.
 * @throws UsageError for what is no server; the application does not start if it cannot carry what is asked for
 */
export function createFastifyPlugin(
  server: Server,
  options: FastifyPluginOptions = {},
): FastifyPlugin {
  assertServer(server);
  const paths = pathsOf(options);
  const { webSockets = true, drain } = options;
  if (drain) toDrainWindow(drain); // the end of the application would be late to find out
  return async (instance) => {
    assumeOpenFiles(server);
    const routed = answerRequests(server, instance, paths);
    if (webSockets)
      answerUpgrades(server, instance, toUpgradePaths(instance.initialConfig, routed));
    // before Fastify waits for the answers that are under way: streams go on until they are cut
    instance.addHook('preClose', () => (drain ? server.drain(drain) : server.close()));
  };
}

/** The request that a hook or a context was told of, with what hooks of the application have put there; of a WebSocket there is none. */
export function fastifyRequestOf(request: RequestHead): FastifyRequestLike | undefined {
  return requests.get(request);
}

/** Returns the paths with the prefixes that the application has put before them. */
function answerRequests(
  server: Server,
  instance: FastifyInstanceLike,
  paths: readonly string[],
): readonly string[] {
  const answers = createAnswers(server);
  const routed = new Set<string>();
  instance.removeAllContentTypeParsers(); // of this plugin, the rest of the application keeps its own
  instance.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  instance.addHook('onRoute', ({ url }) => void routed.add(url));
  for (const path of paths) {
    instance.all(path, (request, reply) => {
      const { originalUrl: url, body } = request;
      // over HTTP/2 both have what is used of those of HTTP/1, which is Node's compatibility layer for
      const incoming = request.raw as IncomingMessage;
      const response = reply.raw as ServerResponse;
      // a hook may have put another stream in place of the request
      const asked = new NodeRequest(incoming, { url, ...(body instanceof Readable && { body }) });
      requests.set(asked.head, request);
      answers.give(asked, response, wayOf(reply));
    });
  }
  return [...routed];
}

function wayOf(reply: FastifyReplyLike): Way {
  return {
    sendWhole({ status, headers, body }) {
      reply.code(status);
      reply.headers(keepVary(headers, reply.getHeader('vary')));
      reply.send(body);
    },
    leave() {
      reply.hijack();
      for (const [name, value = ''] of Object.entries(reply.getHeaders()))
        reply.raw.setHeader(name, value);
    },
  };
}

/** @throws UsageError where the application can have no upgrades, or not at these paths */
function toUpgradePaths(
  { http2, https, ignoreTrailingSlash, routerOptions }: FastifyConfigLike,
  routed: readonly string[],
): readonly string[] {
  const hasHttp1 = !http2 || (typeof https === 'object' && https.allowHTTP1);
  if (!hasHttp1)
    throw new UsageError(
      'HTTP/2 has no WebSockets here: set https.allowHTTP1, or webSockets to false',
    );
  const pattern = routed.find((path) => /[:*]/.test(path));
  if (pattern !== undefined)
    throw new UsageError(
      `no WebSockets at ${pattern}: give a path without parameters, or set webSockets to false`,
    );
  const isLenient = routerOptions?.ignoreTrailingSlash ?? ignoreTrailingSlash ?? false;
  return isLenient ? routed.flatMap((path) => [path, `${path}/`]) : routed;
}

/** Once the application is ready, so that the listeners of all plugins get what is not ours. */
function answerUpgrades(
  server: Server,
  instance: FastifyInstanceLike,
  path: readonly string[],
): void {
  let upgrades: ReturnType<typeof takeUpgrades> | undefined;
  instance.addHook('onReady', async () => {
    upgrades = takeUpgrades(server, instance.server, { path });
  });
  instance.addHook('onClose', async () => upgrades?.giveBack());
}
