import { createContext, runInContext } from 'node:vm';
import { fileURLToPath } from 'node:url';

import { build } from 'vite';
import { WebSocket } from 'ws';

import type * as httpEntry from '../../src/client/http.ts';
import type * as client from '../../src/client/index.ts';
import type * as multipartEntry from '../../src/client/multipart.ts';
import type * as resumeEntry from '../../src/client/resume.ts';
import type * as sseEntry from '../../src/client/sse.ts';
import type * as webSocketEntry from '../../src/client/websocket.ts';
import manifest from '../../package.json' with { type: 'json' };

/** What the client exports, of the entry points that apps on React Native import. */
export type ReactNativeClient = typeof client &
  typeof httpEntry &
  typeof multipartEntry &
  typeof resumeEntry &
  typeof sseEntry &
  typeof webSocketEntry;

/** Where a client runs that thinks it is on a phone. */
export interface ReactNative {
  readonly millrace: ReactNativeClient;
  /** The constructor that apps have. */
  readonly WebSocket: typeof ReactNativeWebSocket;
  readonly AbortController: typeof ReactNativeAbortController;
}

/**
 * Runs the client, as Metro bundles it, with nothing but the language and what React Native has: no `TextDecoder` (as on its engine for long), no streams, no `EventTarget`, a `URL`
 * that adds a slash, signals without reasons.
 *
 * @param more - globals that an app brings along
 */
export async function runOnReactNative(more: object = {}): Promise<ReactNative> {
  const globals = {
    WebSocket: ReactNativeWebSocket,
    URL: ReactNativeUrl,
    AbortController: ReactNativeAbortController,
    Headers,
    Response: ReactNativeResponse,
    fetch: fetchOfReactNative,
    performance: { now: () => performance.now() },
    console: { error: () => {} },
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
  };
  const context = createContext({ ...globals, ...more });
  runInContext(await bundle(), context);
  const millrace = runInContext('millrace', context) as ReactNativeClient; // what the bundle defines
  return { millrace, WebSocket: ReactNativeWebSocket, AbortController: ReactNativeAbortController };
}

const entryPoints = ['', '/websocket', '/http', '/multipart', '/resume', '/sse'];

/** One script that defines `millrace`: what a bundler takes that knows no Node. */
async function bundle(): Promise<string> {
  const targets: Readonly<Record<string, string | { readonly default: string }>> = manifest.exports;
  const lines = entryPoints.map((name) => {
    const target = targets[`./client${name}`] ?? '';
    const file = typeof target === 'string' ? target : target.default;
    const source = file.replace('./dist/', '../../src/').replace('.js', '.ts');
    return `export * from ${JSON.stringify(fileURLToPath(new URL(source, import.meta.url)))};`;
  });
  const entry = 'virtual:entry';
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? lines.join('\n') : undefined),
      },
    ],
    build: {
      write: false,
      minify: false,
      rollupOptions: {
        input: entry,
        preserveEntrySignatures: 'strict',
        output: { format: 'iife', name: 'millrace' },
      },
    },
  });
  const [output] = [built].flat();
  if (output === undefined || !('output' in output)) throw new Error('nothing was bundled');
  return output.output[0].code;
}

type Handler = ((event: never) => void) | null;

/** The WebSocket of React Native: headers in its third argument, handlers only, events with no more than they need, a code and the words of the system where it failed. */
export class ReactNativeWebSocket {
  onopen: Handler = null;
  onmessage: Handler = null;
  onerror: Handler = null;
  onclose: Handler = null;
  protocol = '';
  readyState = 0;
  /** Some versions take no other. */
  readonly #socket: WebSocket;

  constructor(
    url: string,
    protocols?: string | readonly string[],
    options: { readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    const { headers = {}, ...unknown } = options;
    if (Object.keys(unknown).length > 0) throw new Error('unrecognized connection options');
    this.#socket = new WebSocket(url, [protocols ?? []].flat(), { headers });
    this.#socket.on('open', () => {
      this.readyState = 1;
      this.protocol = this.#socket.protocol;
      this.#dispatch('onopen', { type: 'open' });
    });
    this.#socket.on('message', (data, isBinary) => {
      this.#dispatch('onmessage', { data: isBinary ? data : String(data) });
    });
    let failure: Error | undefined;
    this.#socket.on('error', (error) => {
      failure = error;
    });
    this.#socket.on('close', (code, reason) => {
      this.readyState = 3;
      if (failure) this.#dispatch('onerror', { type: 'error' });
      this.#dispatch(
        'onclose',
        failure ? { code: 1006, reason: failure.message } : { code, reason: String(reason) },
      );
    });
  }

  get binaryType(): string | undefined {
    return undefined;
  }

  set binaryType(type: string) {
    if (type !== 'blob' && type !== 'arraybuffer') throw new Error('no such binaryType');
  }

  send(data: unknown): void {
    if (this.readyState === 0) throw new Error('INVALID_STATE_ERR');
    if (typeof data !== 'string') throw new Error('Unsupported data type');
    this.#socket.send(data);
  }

  close(code = 1000, reason = ''): void {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    this.#socket.close(code, reason);
  }

  #dispatch(handler: 'onopen' | 'onmessage' | 'onerror' | 'onclose', event: object): void {
    this[handler]?.(event as never); // each handler gets its own event
  }
}

/** Signals without reasons, and without what came to signals later. */
export class ReactNativeAbortController {
  readonly #listeners = new Set<() => void>();
  readonly signal = {
    aborted: false,
    addEventListener: (_type: 'abort', listener: () => void) => void this.#listeners.add(listener),
    removeEventListener: (_type: 'abort', listener: () => void) =>
      void this.#listeners.delete(listener),
  };

  abort(): void {
    if (this.signal.aborted) return;
    this.signal.aborted = true;
    for (const listener of this.#listeners) listener();
  }
}

/** A slash at the end of whatever is absolute, and search parameters that can be added alone. */
class ReactNativeUrl {
  readonly href: string;

  constructor(url: string, base?: string) {
    if (base === undefined) this.href = url.endsWith('/') ? url : `${url}/`;
    else this.href = `${base.replace(/\/$/, '')}/${url.replace(/^\//, '')}`;
  }

  get searchParams(): never {
    throw new Error('not implemented');
  }

  toString(): string {
    return this.href;
  }
}

/** A body that is there at once, and that nobody reads by pieces or as bytes. */
class ReactNativeResponse {
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Headers;
  readonly #text: string;

  constructor(text: string, { status, headers }: { status: number; headers: Headers }) {
    this.status = status;
    this.ok = status >= 200 && status < 300;
    this.headers = headers;
    this.#text = text;
  }

  text(): Promise<string> {
    return Promise.resolve(this.#text);
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return Promise.reject(new Error('FileReader.readAsArrayBuffer is not implemented'));
  }
}

/** Resolves when the last byte is there: it stands on `XMLHttpRequest`. */
async function fetchOfReactNative(
  url: string,
  init: { readonly signal?: ReactNativeAbortController['signal'] } & Omit<RequestInit, 'signal'>,
): Promise<ReactNativeResponse> {
  const { signal, ...rest } = init;
  const controller = new AbortController();
  signal?.addEventListener('abort', () => controller.abort());
  const response = await fetch(url, { ...rest, signal: controller.signal });
  const { status, headers } = response;
  return new ReactNativeResponse(await response.text(), { status, headers });
}
