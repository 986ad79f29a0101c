import type { Server } from 'millrace/server';
import { afterEach, describe, expect, it, onTestFailed } from 'vitest';

import type { Served, Stage, StartStage } from '../support/adapter-stage.ts';
import { conversations, stageHere } from '../support/adapter-stage.ts';
import { connectSocket } from '../support/socket-client.ts';
import { replay } from '../transcripts/replay-server.ts';
import type { Statement } from './adapter-statements.ts';
import { socketStatements, statements, withoutSockets } from './adapter-statements.ts';

export type { Served } from '../support/adapter-stage.ts';

/** What an adapter does differently, and why: the cell in the table, and its note. */
export interface Difference {
  readonly mark: string;
  readonly note: string;
  /** Shows what it does in place of the statement; without it the statement holds all the same. */
  readonly check?: (start: StartStage, statement: Statement) => Promise<void>;
}

/** An adapter under test. */
export interface AdapterUnderTest {
  readonly name: string;
  readonly start: StartStage;
  /** What its place has in place of WebSockets, where it has none. */
  readonly withoutSockets?: Omit<Difference, 'check'>;
  /** By what a statement says. */
  readonly differences?: Readonly<Record<string, Difference>>;
}

/** Learns what an adapter showed: a mark under a column, perhaps with a note. */
export type Recorder = (column: string, mark: string, note?: string) => void;

/**
 * What every adapter has to do, over real sockets.
 *
 * @param serve - puts a server behind the adapter, on a free port of 127.0.0.1
 */
export function adapterContract(
  name: string,
  serve: (server: Server) => Promise<Served>,
  more: Omit<AdapterUnderTest, 'name' | 'start'> = {},
): void {
  adapterContractAt({ name, start: stageHere(serve), ...more });
}

/** The same for servers that may be in another process. */
export function adapterContractAt(adapter: AdapterUnderTest, record: Recorder = () => {}): void {
  const { name, differences = {} } = adapter;
  const hasSockets = adapter.withoutSockets === undefined;
  let stage: Stage | undefined;
  const start: StartStage = async (settings) => {
    stage = await adapter.start(settings);
    return stage;
  };
  afterEach(async () => {
    await stage?.end();
    stage = undefined;
  });

  describe.each(hasSockets ? protocols : [])(
    `${name} carries %s`,
    (protocol, token, transcripts) => {
      it.each(transcripts)('%s', async (title, transcript) => {
        onTestFailed(() => record(protocol, 'fails'));
        const { url, app } = await start({ transcript: { protocol, title } });
        const { query = '', alsoOffered = [], headers } = transcript.handshake ?? {};
        const client = await connectSocket(`${url}${query}`, [token, ...alsoOffered], headers);

        await replay(transcript, client, app);

        expect(await client.rest()).toEqual([]);
        client.socket.terminate();
        record(protocol, 'yes');
      });
    },
  );

  const asked = [...statements, ...(hasSockets ? socketStatements : [withoutSockets])];

  describe(`${name} carries`, () => {
    it.each(asked.map((statement) => [statement.says, statement] as const))(
      '%s',
      async (says, statement) => {
        onTestFailed(() => record(statement.column, 'fails'));
        const difference = differences[says];
        const check = difference?.check ?? statement.check;

        await expect(check(start, statement)).resolves.toBeUndefined();

        if (statement === withoutSockets) return recordWithout(adapter, record);
        if (difference) record(statement.column, difference.mark, difference.note);
        else record(statement.column, 'yes');
      },
      30_000, // megabytes go over sockets, on machines that have other things to do
    );
  });
}

function recordWithout({ withoutSockets: without }: AdapterUnderTest, record: Recorder): void {
  if (without === undefined) return;
  for (const [protocol] of protocols) record(protocol, without.mark, without.note);
}

const protocols = [
  ['graphql-transport-ws', 'graphql-transport-ws', conversations['graphql-transport-ws']],
  ['subscriptions-transport-ws', 'graphql-ws', conversations['subscriptions-transport-ws']],
  ['appsync', 'graphql-ws', conversations.appsync],
] as const;

/** Of the table in `docs/adapters.md`. */
export const columns: readonly string[] = [
  ...new Set([
    ...protocols.map(([protocol]) => protocol),
    ...[...statements, ...socketStatements].map(({ column }) => column),
  ]),
];
