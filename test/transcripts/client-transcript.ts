import type { ClientConnectionOptions } from '../../src/protocol/connection.ts';
import type { OperationRequest } from '../../src/vocabulary.ts';

/** One step of a conversation between an application, its client connection, and a server. */
export type Step =
  /** What the client offers as subprotocol. */
  | { readonly offers: string }
  /** The socket opens; the server chose this subprotocol. */
  | { readonly opens: string }
  /** The application has evaluated its connection parameters. */
  | { readonly initialise: Readonly<Record<string, unknown>> | 'without parameters' }
  /** The application starts an operation and calls it by a name. */
  | { readonly subscribe: string; readonly request?: OperationRequest }
  | { readonly cancel: string }
  | { readonly app: 'closes' }
  /** The server sends a JSON message. */
  | { readonly server: unknown }
  /** The server sends this text, or these bytes, as one message. */
  | { readonly raw: string | Uint8Array }
  /** The socket is gone. */
  | { readonly socketCloses: number }
  | { readonly afterMs: number }
  /** What the steps since the last expectation led to; without this step they lead to nothing. */
  | { readonly expect: readonly Outcome[] };

/** What the client does, or tells its application. */
export type Outcome =
  | 'initialise'
  | 'violation'
  | { readonly send: unknown }
  | { readonly connected: unknown }
  | { readonly result: string; readonly is: unknown }
  | { readonly error: string; readonly are: readonly unknown[] }
  | { readonly started: string }
  | { readonly complete: string }
  | { readonly lost: string; readonly code: number; readonly retryable: boolean }
  | { readonly connectionError: unknown }
  | { readonly close: number };

/** A conversation that shows one numbered statement. */
export interface Transcript {
  readonly says: string;
  readonly options?: ClientConnectionOptions;
  readonly steps: readonly Step[];
}

/** Transcripts by the number of the statement that they show; a statement may need several. */
export type Transcripts = Readonly<Record<string, Transcript | readonly Transcript[]>>;

/** Every transcript with its title, in the order of the reference. */
export function listTranscripts(
  transcripts: Transcripts,
): readonly (readonly [string, Transcript])[] {
  return Object.entries(transcripts).flatMap(([id, entry]) =>
    ('says' in entry ? [entry] : entry).map(
      (transcript) => [`${id} ${transcript.says}`, transcript] as const,
    ),
  );
}
