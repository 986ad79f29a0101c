import { setImmediate as turn } from 'node:timers/promises';

import { createGateway } from 'millrace/adapters/gateway';
import type { Gateway } from 'millrace/adapters/gateway';
import { describe, expect, it } from 'vitest';

import type { FixtureApp } from '../../support/fixture-app.ts';
import { createFixtureApp } from '../../support/fixture-app.ts';
import { MemoryGatewayStore } from '../../support/memory-gateway-store.ts';
import { graphqlTransportWsServer } from '../../transcripts/graphql-transport-ws-server.ts';
import type { ClientEnd, Observation } from '../../transcripts/replay-server.ts';
import { replay } from '../../transcripts/replay-server.ts';
import type { Transcript, Transcripts } from '../../transcripts/server-transcript.ts';
import { listTranscripts, needsNoTime } from '../../transcripts/server-transcript.ts';
import { subscriptionsTransportWsServer } from '../../transcripts/subscriptions-transport-ws-server.ts';

const connectionId = 'a';

const suites = [
  {
    protocol: 'graphql-transport-ws',
    token: 'graphql-transport-ws',
    transcripts: graphqlTransportWsServer as Transcripts,
  },
  {
    protocol: 'subscriptions-transport-ws',
    token: 'graphql-ws',
    transcripts: subscriptionsTransportWsServer as Transcripts,
  },
] as const;

const livesInProcess = 'its source is a generator';

/** Conversations that cannot be the same behind a gateway. */
const others: Readonly<Record<string, string>> = {
  'TW-28 delivers each event in order and completes when the source ends': livesInProcess,
  'TW-36 an error in one event does not end the subscription': livesInProcess,
  'TW-37 a failing source is an error without complete, and leaks nothing': livesInProcess,
  'TW-46 a re-used id gets the new result alone': livesInProcess,
  'LW-10 a start without init is not executed':
    'it waits for the init message, which it may have overtaken',
  'LW-14 a subscription is data for each event, and complete': livesInProcess,
  'LW-21 an execution error comes in data and the subscription goes on': livesInProcess,
  'LW-22 a failing source is error without complete': livesInProcess,
};

/** One connection of a gateway; each message is dealt with by an instance of its own. */
class GatewayEnd implements ClientEnd {
  readonly store = new MemoryGatewayStore();
  readonly #observations: Observation[] = [];
  readonly #options: Parameters<typeof createGateway>[0];
  /** Gateways pass nothing on once they were told to close. */
  #isOpen = true;
  #line: Promise<void> = Promise.resolve();

  constructor(options: Parameters<typeof createGateway>[0]) {
    this.#options = options;
  }

  fresh(): Gateway {
    const push = {
      send: async (_: string, frame: string) => {
        this.#observations.push({ kind: 'message', message: JSON.parse(frame) });
      },
      close: async (_: string, code: number, reason: string) => {
        this.#isOpen = false;
        this.#observations.push({ kind: 'close', code, reason });
        this.#append(() => this.fresh().disconnect(connectionId));
      },
    };
    return createGateway(this.#options, { store: this.store, push });
  }

  send(data: string | Uint8Array): void {
    // one after the other as far as they get: some wait for the application
    this.#append(async () => {
      if (this.#isOpen) await Promise.race([this.fresh().message({ connectionId, data }), quiet()]);
    });
  }

  pong(): void {}

  close(): void {
    this.#append(() => this.fresh().disconnect(connectionId));
  }

  async next(): Promise<Observation> {
    await this.settle();
    const observation = this.#observations.shift();
    if (!observation) throw new Error('the gateway pushed nothing');
    return observation;
  }

  async rest(): Promise<readonly Observation[]> {
    await this.settle();
    return [...this.#observations];
  }

  async settle(): Promise<void> {
    await this.#line;
    await quiet();
  }

  #append(work: () => Promise<void>): void {
    this.#line = this.#line.then(work);
  }
}

/** Everything that needs no time has happened: the store answers at once. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 3; i++) await turn();
}

it('leaves out no conversation that there is not', () => {
  const titles = suites.flatMap(({ transcripts }) => listTranscripts(transcripts));

  expect(titles.map(([title]) => title)).toEqual(expect.arrayContaining(Object.keys(others)));
});

describe.each(suites)('$protocol behind a gateway', ({ protocol, token, transcripts }) => {
  const replayed = listTranscripts(transcripts).filter(
    ([title, transcript]) => needsNoTime(transcript) && !(title in others),
  );

  it.each(replayed)('%s', async (_title, transcript) => {
    const app = createFixtureApp();
    const end = await open(app, { protocol, token, transcript });

    await replay(withoutKeepAlive(transcript), end, {
      publish: async (room, text) => {
        await end.settle();
        return end.fresh().publish('messages', { text }, { key: room });
      },
      release: (name) => app.release(name),
      openSources: () => app.openSources() + end.store.subscriptionCount,
    });

    await end.fresh().disconnect(connectionId);
    expect(end.store.connections.size).toBe(0);
    expect(end.store.subscriptionCount).toBe(0);
  });
});

/** No `ka` is sent, so that no client waits for another one. */
function withoutKeepAlive(transcript: Transcript): Transcript {
  const steps = transcript.steps.filter(
    (step) => !('server' in step && JSON.stringify(step.server) === '{"type":"ka"}'),
  );
  return { ...transcript, steps };
}

async function open(
  app: FixtureApp,
  {
    protocol,
    token,
    transcript,
  }: {
    readonly protocol: (typeof suites)[number]['protocol'];
    readonly token: string;
    readonly transcript: Transcript;
  },
): Promise<GatewayEnd> {
  const { handshake: { query = '', alsoOffered = [], headers = {} } = {} } = transcript;
  const end = new GatewayEnd({
    onInternalError: () => {},
    ...transcript.options,
    schema: app.schema,
    protocols: [protocol],
  });
  const offered = { 'sec-websocket-protocol': [token, ...alsoOffered].join(', ') };
  const request = { method: 'GET', url: `/graphql${query}`, headers: { ...headers, ...offered } };
  await end.fresh().connect({ connectionId, request });
  return end;
}
