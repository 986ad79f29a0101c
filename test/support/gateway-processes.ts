import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { GatewayAnswer, GatewayEvent } from '../../examples/gateway/functions.ts';

/** What is published to those who listen in its room. */
export interface PublishedMessage {
  readonly room: string;
  readonly text: string;
  readonly by: string;
}

/** Where the functions of a call find what they need. */
export interface FunctionPlace {
  readonly pushUrl: string;
  /** Of the keys in Redis. */
  readonly prefix: string;
}

/** What a process of functions is asked for. */
export interface FunctionRequest extends FunctionPlace {
  readonly id: number;
  readonly work:
    | { readonly kind: 'event'; readonly event: GatewayEvent }
    | { readonly kind: 'publish'; readonly message: PublishedMessage };
}

/** A process that runs functions, each call with an instance of its own. */
export class FunctionProcess {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (result: unknown) => void>();
  #asked = 0;

  static async start(file: string, redisUrl: string): Promise<FunctionProcess> {
    const child = fork(file, [redisUrl], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    await once(child, 'message');
    return new FunctionProcess(child);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', ({ id, result }: { readonly id: number; readonly result: unknown }) => {
      this.#answers.get(id)?.(result);
      this.#answers.delete(id);
    });
  }

  async handle(place: FunctionPlace, event: GatewayEvent): Promise<GatewayAnswer> {
    return (await this.#ask(place, { kind: 'event', event })) as GatewayAnswer; // as the process sent it
  }

  publish(place: FunctionPlace, message: PublishedMessage): Promise<unknown> {
    return this.#ask(place, { kind: 'publish', message });
  }

  /** Ends it without giving it a chance to tidy up. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  #ask(place: FunctionPlace, work: FunctionRequest['work']): Promise<unknown> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#child.send({ ...place, id, work } satisfies FunctionRequest);
    });
  }
}
