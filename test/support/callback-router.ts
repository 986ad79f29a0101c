import { randomUUID } from 'node:crypto';

import type { FormattedError, FormattedResult } from 'millrace';
import type { CallbackFetch, CallbackResponseLike } from 'millrace/server';

/** A message as it came, with the headers that it came with. */
export interface ReceivedMessage {
  readonly action: string;
  readonly id: string;
  readonly verifier: string;
  readonly payload?: FormattedResult;
  readonly errors?: readonly FormattedError[];
  readonly kind: string;
}

/** One request that reached the router. */
export interface ReceivedPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: ReceivedMessage;
}

export interface RouterAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a subscriber gives along with its request. */
export interface CallbackRequest {
  readonly callbackUrl: string;
  readonly subscriptionId: string;
  readonly verifier: string;
  readonly heartbeatIntervalMs: number;
}

/** What the router does with one message instead of what it should; `undefined`: what it should. */
export type Misbehaviour = (
  post: ReceivedPost,
) => Promise<RouterAnswer | undefined> | RouterAnswer | undefined;

/** Answers that wait. */
export interface HeldAnswers {
  /** Messages that were not answered at once. */
  readonly count: number;
  /** Answers those that came so far as they should be; what comes after them waits again. */
  release(): void;
}

const protocolHeader = { 'subscription-protocol': 'callback/1.0' };

const refuse = (status: number, message: string): RouterAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ errors: [{ message }] }),
});

/** An answer with nothing in it. */
export const answering = (
  status: number,
  headers: Readonly<Record<string, string>> = {},
): RouterAnswer => ({ status, headers, body: '' });

/** A subscriber of the HTTP callback protocol, as its document describes one, and all that reached it. */
export class CallbackRouter {
  readonly origin: string;
  readonly posts: ReceivedPost[] = [];
  /** By id, with the verifier. */
  readonly #registered = new Map<string, string>();
  misbehaves: Misbehaviour = () => undefined;

  constructor(origin = 'https://router.internal') {
    this.origin = origin;
  }

  /** Registers a subscription, which has to be done before its request is sent. */
  register(heartbeatIntervalMs = 0): CallbackRequest {
    const subscriptionId = randomUUID();
    const verifier = randomUUID();
    this.#registered.set(subscriptionId, verifier);
    const callbackUrl = `${this.origin}/callback/${subscriptionId}`;
    return { callbackUrl, subscriptionId, verifier, heartbeatIntervalMs };
  }

  /** The last client of a subscription has gone. */
  forget(id: string): void {
    this.#registered.delete(id);
  }

  /** Answers nothing, or nothing of an `action`, until it is told to. */
  holdAnswers(action?: string): HeldAnswers {
    const held: (() => void)[] = [];
    this.misbehaves = ({ message }) => {
      if (action !== undefined && message.action !== action) return undefined;
      return new Promise((resolve) => held.push(() => resolve(undefined)));
    };
    return {
      get count() {
        return held.length;
      },
      release() {
        for (const answer of held) answer();
      },
    };
  }

  /** Messages in the order in which they came, of one subscription or of all. */
  messages(id?: string): readonly ReceivedMessage[] {
    const all = this.posts.map(({ message }) => message);
    return id === undefined ? all : all.filter((message) => message.id === id);
  }

  /** What a subscription was told: actions, and the data of results. */
  told(id?: string): readonly unknown[] {
    return this.messages(id).map(({ action, payload, errors }) => {
      if (action === 'next') return payload?.data;
      return errors ? errors.map(({ extensions }) => extensions?.['code']) : action;
    });
  }

  async receive(post: ReceivedPost): Promise<RouterAnswer> {
    this.posts.push(post);
    return (await this.misbehaves(post)) ?? this.#answer(post.message);
  }

  /** Takes the place of `fetch`. Rejects when it is given up, as that does. */
  readonly fetch: CallbackFetch = (url, { headers, body, signal }) => {
    // the emitter writes nothing else
    const message = JSON.parse(body) as ReceivedMessage;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('given up')), { once: true });
      this.receive({ url, headers, message }).then((answer) => resolve(toResponse(answer)), reject);
    });
  };

  #answer({ action, id, verifier, kind }: ReceivedMessage): RouterAnswer {
    if (kind !== 'subscription') return refuse(400, 'unknown kind');
    const expected = this.#registered.get(id);
    if (expected === undefined) return refuse(404, "subscription doesn't exist");
    if (verifier !== expected) return refuse(401, "verifier doesn't match");
    switch (action) {
      case 'check':
        return answering(204, protocolHeader);
      case 'next':
        return { ...answering(200), body: '{"data":null}' };
      case 'complete':
        this.forget(id);
        return answering(202);
      default:
        return refuse(400, 'unknown action');
    }
  }
}

function toResponse({ status, headers, body }: RouterAnswer): CallbackResponseLike {
  const isEmpty = status === 204 || body === '';
  return new Response(isEmpty ? null : body, { status, headers });
}
