import { createClient } from 'millrace/client';
import type { Client, ClientOptions, OperationHandle } from 'millrace/client';
import { resumable } from 'millrace/client/resume';
import { tabs } from 'millrace/client/tabs';
import type {
  LocksLike,
  MessageEventLike,
  Sharing,
  TabsOptions,
  WireLike,
} from 'millrace/client/tabs';
import { serveTabs } from 'millrace/client/tabs-worker';
import type { ServeTabsOptions, TabsService, WorkerScopeLike } from 'millrace/client/tabs-worker';
import { websocket } from 'millrace/client/websocket';
import { onTestFinished } from 'vitest';

import { QuickClock } from './client-clock.ts';
import { ClientNetwork } from './client-network.ts';
import type { Link } from './client-network.ts';
import type { Message } from './client-peer.ts';
import { MemoryLocks } from './memory-locks.ts';

/** Nothing is delivered at once between pages: what one message leads to takes several turns. */
class TabsClock extends QuickClock {
  override async settle(): Promise<void> {
    for (let turns = 0; turns < 20; turns += 1) await this.turn();
  }
}

/** One page: its client, and what that told. */
export interface Tab {
  readonly client: Client;
  readonly locks: MemoryLocks;
  readonly sharings: readonly Sharing[];
  readonly losses: readonly string[];
  readonly violations: readonly string[];
  /** What the results of {@link Tab.listen} held, and how it ended. */
  readonly heard: readonly unknown[];
  /** Subscribes to `field`. */
  listen(field: string): OperationHandle<unknown>;
  /** The page is put away, as before it is frozen. */
  putAway(): void;
  /** Nothing that the page has answers any more, but it is still there. */
  hang(): void;
  /** The page is gone without a word: nothing it has answers any more. */
  crash(): void;
}

/** What a tab is made with. */
export interface TabParts {
  readonly tabs?: Partial<TabsOptions>;
  readonly client?: Partial<ClientOptions>;
}

/** Those of a page that may not use them. */
export const noLocks: LocksLike = {
  request: () => Promise.reject(new DOMException('not here', 'SecurityError')),
};

let stages = 0;

/** Pages of one origin, a server in memory, and perhaps a shared worker. */
export class TabsStage {
  readonly clock = new TabsClock();
  readonly network: ClientNetwork;
  readonly locks = new MemoryLocks();
  /** What the server heard, but for what belongs to connections alone. */
  readonly asked: { readonly link: Link; readonly message: Message }[] = [];
  /** What connections said first. */
  readonly parameters: unknown[] = [];
  /** Whom the server answers. */
  isAcknowledging = true;
  readonly name = `app ${(stages += 1)}`;
  #worker: ((port: MessagePort) => void) | undefined;

  constructor() {
    const { clock } = this;
    this.network = new ClientNetwork({
      clock,
      accept: (link) => ({
        message: (frame) => this.#answer(link, JSON.parse(frame) as Message), // our own client wrote it
      }),
    });
  }

  /** Starts a worker, which tabs then use. */
  serve(options: Partial<ServeTabsOptions> = {}): TabsService & { crash(): void } {
    const locks = this.locks.another();
    const listeners = new Set<(event: { readonly ports: readonly unknown[] }) => void>();
    const scope: WorkerScopeLike = {
      addEventListener: (_, listener) => listeners.add(listener),
      removeEventListener: (_, listener) => listeners.delete(listener),
    };
    const ports: MessagePort[] = [];
    const service = serveTabs({
      transport: websocket({ WebSocket: this.network.WebSocket }),
      clock: this.clock,
      locks,
      scope,
      ...options,
    });
    this.#worker = (port) => {
      ports.push(port);
      for (const listener of listeners) listener({ ports: [port] });
    };
    onTestFinished(() => {
      service.close();
      for (const port of ports) port.close();
    });
    return {
      ...service,
      crash: () => {
        for (const port of ports) port.close();
        listeners.clear();
        locks.crash();
      },
    };
  }

  /** Opens a page. */
  open({ tabs: options, client: clientOptions }: TabParts = {}): Tab {
    const locks = this.locks.another();
    const sharings: Sharing[] = [];
    const losses: string[] = [];
    const violations: string[] = [];
    const heard: unknown[] = [];
    const departures = new Set<() => void>();
    const page = { isDead: false };
    const client = createClient({
      url: 'http://server.test/graphql',
      transport: tabs({
        transport: websocket({ WebSocket: this.network.WebSocket }),
        name: this.name,
        ...(this.#worker && { worker: () => ({ port: new PageWire(this.#connect(), page) }) }),
        onSharing: (sharing) => sharings.push(sharing),
        locks,
        BroadcastChannel: toChannels(page),
        departures: (depart) => {
          departures.add(depart);
          return () => departures.delete(depart);
        },
        ...options,
      }),
      clock: {
        now: () => this.clock.now(),
        schedule: (callback, delayMs) =>
          this.clock.schedule(() => {
            if (!page.isDead) callback();
          }, delayMs),
      },
      random: () => 0.5,
      signals: () => () => {},
      resume: resumable(),
      onDisconnected: ({ code, message }) => losses.push(`${code}: ${message}`),
      onProtocolViolation: (message) => violations.push(message),
      ...clientOptions,
    });
    onTestFinished(() => client.close());
    return {
      client,
      locks,
      sharings,
      losses,
      violations,
      heard,
      listen: (field) => {
        const handle = client.subscribe({ query: `subscription { ${field} }` });
        handle.subscribe({
          next: ({ data, errors }) => heard.push(data ?? errors),
          error: ({ code }) => heard.push(code),
          complete: () => heard.push('complete'),
        });
        return handle;
      },
      putAway: () => {
        for (const depart of departures) depart();
      },
      hang: () => {
        page.isDead = true;
      },
      crash: () => {
        page.isDead = true;
        locks.crash();
      },
    };
  }

  /** As if another page had started the worker. */
  introduce(port: MessagePort): void {
    this.#worker?.(port);
    onTestFinished(() => port.close());
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  /** Sends a result to every operation for `field` that runs on `link`. */
  publish(field: string, value: unknown, link: Link = this.network.link): void {
    for (const id of this.runningOn(link, field)) {
      link.push({ type: 'next', id, payload: { data: { [field]: value } } });
    }
  }

  /** Ids of operations that run. */
  runningOn(link: Link = this.network.link, field = ''): readonly string[] {
    const ids = new Set<string>();
    for (const { link: heardOn, message } of this.asked) {
      if (heardOn !== link || message.id === undefined) continue;
      if (message.type === 'complete') ids.delete(message.id);
      else if (String(message.payload?.['query']).includes(field)) ids.add(message.id);
    }
    return [...ids];
  }

  #connect(): WireLike {
    const { port1, port2 } = new MessageChannel();
    this.#worker?.(port2);
    onTestFinished(() => port1.close());
    return port1;
  }

  #answer(link: Link, message: Message): void {
    if (message.type === 'connection_init') {
      this.parameters.push(message.payload);
      if (this.isAcknowledging) link.push({ type: 'connection_ack', payload: { greeting: 'hi' } });
    } else if (message.type === 'ping') {
      link.push({ type: 'pong' });
    } else {
      this.asked.push({ link, message });
    }
  }
}

/** Whether a page does nothing any more. */
interface Page {
  isDead: boolean;
}

/** A wire of a page: nothing passes once that is dead. */
class PageWire implements WireLike {
  readonly #wire: WireLike;
  readonly #page: Page;

  constructor(wire: WireLike, page: Page) {
    this.#wire = wire;
    this.#page = page;
  }

  addEventListener(type: 'message', listener: (event: MessageEventLike) => void): void {
    this.#wire.addEventListener(type, (event) => {
      if (!this.#page.isDead) listener(event);
    });
  }

  postMessage(message: unknown): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
    if (!this.#page.isDead) this.#wire.postMessage(message);
  }

  start(): void {
    this.#wire.start?.();
  }

  close(): void {
    this.#wire.close();
  }
}

function toChannels(page: Page): new (name: string) => WireLike {
  return class extends PageWire {
    constructor(name: string) {
      super(new BroadcastChannel(name), page);
    }
  };
}
