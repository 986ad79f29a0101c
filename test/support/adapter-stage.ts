import { createServer } from 'millrace/server';
import type { Server, ServerCounters, ServerGauges, ServerOptions } from 'millrace/server';
import { refuse } from 'millrace/server';

import { appsyncServer } from '../transcripts/appsync-server.ts';
import { graphqlTransportWsServer } from '../transcripts/graphql-transport-ws-server.ts';
import type { ReplayedApp } from '../transcripts/replay-server.ts';
import { listTranscripts, needsNoTime } from '../transcripts/server-transcript.ts';
import type { Transcript } from '../transcripts/server-transcript.ts';
import { subscriptionsTransportWsServer } from '../transcripts/subscriptions-transport-ws-server.ts';
import { createFileSchema } from './file-schema.ts';
import { createFixtureApp } from './fixture-app.ts';
import type { FixtureApp } from './fixture-app.ts';

/** The conversations that need no time, by protocol, each with its title. */
export const conversations = {
  'graphql-transport-ws': timeless(graphqlTransportWsServer),
  'subscriptions-transport-ws': timeless(subscriptionsTransportWsServer),
  appsync: timeless(appsyncServer),
} as const;

function timeless(
  transcripts: Parameters<typeof listTranscripts>[0],
): readonly (readonly [string, Transcript])[] {
  return listTranscripts(transcripts).filter(([, transcript]) => needsNoTime(transcript));
}

/** What a test wants of the server behind an adapter. Plain data: the server may be in another process. */
export interface StageSettings {
  /** The options of this conversation, and its protocol alone. */
  readonly transcript?: {
    readonly protocol: keyof typeof conversations;
    readonly title: string;
  };
  readonly options?: Pick<ServerOptions, 'limits' | 'keepAlive' | 'protocols'>;
  /** Take files, by a mutation `measure`; then it has nothing else. */
  readonly takesFiles?: boolean;
  /** Refuse everybody with the address that they come from as the reason. */
  readonly tellsAddress?: boolean;
}

/** The server behind an adapter, its application, and what a test asks of both. */
export interface Stage {
  /** Where it answers: `http://127.0.0.1:4000/graphql`. */
  readonly url: string;
  readonly app: ReplayedApp;
  gauges(): Promise<ServerGauges>;
  counters(): Promise<ServerCounters>;
  /** What `server.close()` does. */
  closeServer(): Promise<void>;
  /** Ends all of it. */
  end(): Promise<void>;
}

/** Puts a server behind the adapter under test. */
export type StartStage = (settings: StageSettings) => Promise<Stage>;

/** A server behind an adapter. */
export interface Served {
  /** Where it answers: `http://127.0.0.1:4000/graphql`. */
  readonly url: string;
  /** Ends the server and whatever the adapter needs. */
  close(): Promise<void>;
}

/** Stages of this process; `serve` puts a server behind the adapter, on a free port of 127.0.0.1. */
export function stageHere(serve: (server: Server) => Promise<Served>): StartStage {
  return async (settings) => {
    const { app, server } = createStagedServer(settings);
    const served = await serve(server);
    return {
      url: served.url,
      app,
      gauges: () => Promise.resolve(server.gauges()),
      counters: () => Promise.resolve(server.counters()),
      closeServer: () => server.close(),
      end: () => served.close(),
    };
  };
}

function createStagedServer(settings: StageSettings): { app: FixtureApp; server: Server } {
  const app = createFixtureApp();
  const server = createServer({
    schema: app.schema,
    broker: app.broker,
    protocols: [
      'graphql-transport-ws',
      'subscriptions-transport-ws',
      'sse',
      'sse-single',
      'multipart',
    ],
    onInternalError: () => {},
    ...settings.options,
    ...(settings.transcript && optionsOf(settings.transcript)),
    ...(settings.takesFiles && { schema: createFileSchema(), uploads: true }),
    ...(settings.tellsAddress && {
      onConnect: ({ request }) => refuse({ reason: request.remoteAddress ?? 'nobody told' }),
    }),
  });
  return { app, server };
}

function optionsOf({
  protocol,
  title,
}: NonNullable<StageSettings['transcript']>): Partial<ServerOptions> {
  const found = conversations[protocol].find(([name]) => name === title);
  if (!found) throw new Error(`there is no conversation called ${title}`);
  return { ...found[1].options, protocols: [protocol] };
}
