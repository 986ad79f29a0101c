import { createClient } from 'millrace/client';
import type { Client, Resume } from 'millrace/client';
import { resumable } from 'millrace/client/resume';

import { eachCarrier } from '../support/fault-carriers.ts';
import type { FaultCarrier } from '../support/fault-carriers.ts';
import { Account } from './account.ts';
import { EventSourceReader } from './event-source-reader.ts';
import type { LedgerEvent, Stream } from './events.ts';
import { nameOf } from './events.ts';
import type { Liveness } from './server-settings.ts';

/** Somebody who subscribes to some streams, comes back whenever it is cut off, and writes down what it gets. */
export interface LedgerClient {
  readonly accounts: readonly Account[];
  close(): void;
}

/** What a client is given. */
export interface LedgerClientOptions {
  readonly name: string;
  readonly streams: readonly Stream[];
  /** Where to connect, asked for each connection. */
  readonly nextUrl: () => string;
  readonly liveness: Liveness;
}

/** How long connecting and pauses last: short enough for many faults in a run. */
const patience = { connectTimeoutMs: 4_000, ackTimeoutMs: 4_000 };
const retry = { minDelayMs: 50, maxDelayMs: 2_000 };

/** Before an operation that the server refused is asked for again. */
const againMs = 100;

type CreateClient = (options: LedgerClientOptions) => LedgerClient;

/** Every kind of client, by the name of what carries its operations. */
export const clientKinds: readonly (readonly [transport: string, create: CreateClient])[] = [
  ...eachCarrier.map(([transport, carrier]): readonly [string, CreateClient] => [
    transport,
    (options) => new OwnClient(transport, carrier, options),
  ]),
  ['EventSource', (options) => new EventSourceClient(options)],
];

export function queryOf({ topic }: Stream): string {
  return `subscription ($key: ID!) { ${topic}(key: $key) { topic key sequence at padding checksum } }`;
}

/** The client of the package. */
class OwnClient implements LedgerClient {
  readonly accounts: readonly Account[];
  readonly #client: Client;
  readonly #tokens = new Map<string, string>();
  #isClosed = false;

  constructor(
    transport: string,
    carrier: FaultCarrier,
    { name, streams, nextUrl, liveness }: LedgerClientOptions,
  ) {
    this.accounts = streams.map(
      (stream) => new Account({ client: name, transport, stream, isOptedIn: true }),
    );
    this.#client = createClient({
      url: nextUrl,
      transport: carrier.createTransport({
        ...patience,
        pingAfterMs: liveness.pingAfterMs,
        silenceMs: liveness.answerMs,
      }),
      retry,
      resume: this.#resume,
    });
    for (const account of this.accounts) this.#subscribe(account);
  }

  close(): void {
    this.#isClosed = true;
    this.#client.close();
  }

  /** As the package has it, with somebody who writes down what it says. */
  readonly #resume: Resume = (request) => {
    const account = this.#accountOf(request.variables?.['key'], request.query);
    /** Of the result that is being received. */
    let token: string | undefined;
    const resumption = resumable({
      store: this.#tokens,
      key: () => nameOf(account.stream),
      onGap: ({ reason, missing }) => {
        account.write({ kind: 'gap', reason, missing, token });
      },
    })(request);
    return {
      toRequest: (again) => resumption.toRequest(again),
      receive(result) {
        const report = result.extensions?.['resume'] as { readonly token?: string } | undefined; // a server of the package wrote it
        token = report?.token;
        const received = resumption.receive(result);
        if (received.outcome === 'recovered') account.write({ kind: 'recovered', token });
        if (received.outcome === undefined && !account.hasBegun && token) {
          account.write({ kind: 'start', token });
        }
        const event = eventIn(result, account);
        if (event)
          account.write(
            received.result ? { kind: 'event', event, token } : { kind: 'suppressed', token },
          );
        return received;
      },
    };
  };

  #subscribe(account: Account): void {
    const { stream } = account;
    const operation = this.#client.subscribe({
      query: queryOf(stream),
      variables: { key: stream.key },
    });
    let hasFailed = false;
    const fail = (code: unknown): void => {
      if (this.#isClosed) return;
      account.write({ kind: 'failed', code: String(code) });
      hasFailed = true;
    };
    const again = (): void => {
      if (!this.#isClosed) setTimeout(() => this.#isClosed || this.#subscribe(account), againMs);
    };
    operation.subscribe({
      next: ({ errors }) => {
        for (const { extensions, message } of errors ?? []) fail(extensions?.['code'] ?? message);
      },
      error: (failure) => {
        fail(failure.code);
        again();
      },
      complete: () => {
        if (!hasFailed) fail('COMPLETED');
        again();
      },
    });
  }

  #accountOf(key: unknown, query: string): Account {
    const account = this.accounts.find(
      ({ stream }) => stream.key === key && queryOf(stream) === query,
    );
    if (!account) throw new Error('an operation that nobody asked for');
    return account;
  }
}

/** What every browser has, for each stream one. */
class EventSourceClient implements LedgerClient {
  readonly accounts: readonly Account[];
  readonly #readers: readonly EventSourceReader[];

  constructor({ name, streams, nextUrl }: LedgerClientOptions) {
    this.accounts = streams.map(
      (stream) => new Account({ client: name, transport: 'EventSource', stream, isOptedIn: false }),
    );
    this.#readers = this.accounts.map(
      (account) =>
        new EventSourceReader({
          account,
          url: () => {
            const { stream } = account;
            const variables = JSON.stringify({ key: stream.key });
            return `${nextUrl()}?${new URLSearchParams({ query: queryOf(stream), variables }).toString()}`;
          },
        }),
    );
  }

  close(): void {
    for (const reader of this.#readers) reader.close();
  }
}

function eventIn(
  result: { readonly data?: unknown },
  { stream }: Account,
): LedgerEvent | undefined {
  // what does not have this form fails the checks of the ledger
  return (result.data as Record<string, LedgerEvent> | null | undefined)?.[stream.topic];
}
