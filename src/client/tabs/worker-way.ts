import { parseHostMessage, tabsVersion } from './messages.ts';
import type { GuestMessage } from './messages.ts';
import type { Way, WayEvents } from './way.ts';
import { Wire } from './wire.ts';
import type { WireLike } from './wire.ts';

/** The members of a `SharedWorker` that are used. */
export interface SharedWorkerLike {
  readonly port: WireLike;
  addEventListener?(type: 'error', listener: () => void): void;
}

/** To the host in a worker. */
export class WorkerWay implements Way {
  readonly sharing = { kind: 'worker' } as const;
  readonly #worker: SharedWorkerLike;
  readonly #name: string;
  #wire: Wire | undefined;

  constructor(worker: SharedWorkerLike, name: string) {
    this.#worker = worker;
    this.#name = name;
  }

  enter(lock: string, events: WayEvents): void {
    this.#worker.addEventListener?.('error', () => events.failed());
    this.#wire = new Wire(this.#worker.port, (data) => {
      const message = parseHostMessage(data);
      if (message) events.heard(message);
    });
    this.post({ type: 'hello', version: tabsVersion, name: this.#name, lock });
  }

  insist(): boolean {
    return false;
  }

  post(message: GuestMessage): void {
    this.#wire?.post(message);
  }

  leave(): void {
    if (this.#wire) this.#wire.close();
    else this.#worker.port.close();
  }
}
