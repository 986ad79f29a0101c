import type { RequestHead, Server } from '../server/index.ts';
import { FetchRequest, toRequestHead } from './fetch-request.ts';
import { openStream } from './fetch-stream.ts';
import { isUpgrade } from './fetch-upgrade.ts';

/** Where a server answers. */
export interface FetchHandlerOptions {
  /** One path or several; `'*'` is every path, where a router chose before. @defaultValue '/graphql' */
  readonly path?: string | readonly string[];
}

/** What a runtime adds to requests and responses; `context` is what it hands over beside each request. */
export interface FetchRuntime<Context> {
  /** The address of the peer, where the runtime tells. */
  addressOf(request: Request, context: Context): string | undefined;
  /** Answers a request to upgrade to WebSocket. */
  upgrade(request: Request, head: RequestHead, context: Context): Response;
}

/** Makes what answers requests with what `server` says. */
export function createHandler<Context>(
  server: Server,
  { path = '/graphql' }: FetchHandlerOptions,
  runtime: FetchRuntime<Context>,
): (request: Request, context: Context) => Promise<Response> {
  const paths = new Set(typeof path === 'string' ? [path] : path);
  const upgradePaths = new Set([...paths].flatMap((each) => server.upgradePaths(each)));
  return async (request, context) => {
    const url = new URL(request.url);
    const wantsSocket = isUpgrade(request);
    const ours = wantsSocket ? upgradePaths : paths;
    if (!ours.has(url.pathname) && !paths.has('*')) return notFound();
    const head = toRequestHead(request, url, runtime.addressOf(request, context));
    return wantsSocket
      ? runtime.upgrade(request, head, context)
      : answer(server, new FetchRequest(request, head));
  };
}

/** Resolves once the answer has begun. */
async function answer(server: Server, asked: FetchRequest): Promise<Response> {
  const answered = await server.handleRequest(asked);
  asked.discardRest();
  if (answered.kind === 'stream') return openStream(answered, asked.signal);
  const { status, headers, body } = answered;
  return new Response(status === 204 ? null : body, { status, headers });
}

function notFound(): Response {
  return new Response('Not Found\n', { status: 404, headers: { 'content-type': 'text/plain' } });
}
