import type { ServerOptions } from 'millrace/server';

/** One step of a conversation between a client and the server with the fixture application behind it. */
export type Step =
  /** The client sends a JSON message. */
  | { readonly client: unknown }
  /** The client sends these bytes or this text as one message. */
  | { readonly raw: string | Uint8Array }
  /** The next message of the server is exactly this. */
  | { readonly server: unknown }
  /** The next messages of the server are these, in any order. */
  | { readonly serverInAnyOrder: readonly unknown[] }
  /** The server sends a WebSocket ping. */
  | { readonly ping: 'from the server' }
  /** The client answers a WebSocket ping. */
  | { readonly pong: 'from the client' }
  /** The server closes, with this code and, if given, this reason. */
  | { readonly close: number; readonly reason?: string }
  /** The server ends the TCP connection. */
  | { readonly destroyed: true }
  /** The client goes away with this code. */
  | { readonly clientCloses: number }
  /** Everything that can happen has happened, and the server has said nothing more. */
  | { readonly quiet: true }
  /** Time passes. Such a transcript is replayed on a virtual clock alone. */
  | { readonly afterMs: number }
  | { readonly publish: string; readonly to: string }
  | { readonly release: 'slow' | 'slowStart' }
  /** Sources that are still open. */
  | { readonly openSources: number };

/** What the client's request to upgrade has besides the subprotocol. */
export interface TranscriptHandshake {
  /** Behind the path: `?a=b`. */
  readonly query?: string;
  /** Subprotocols that are offered behind the one that is spoken. */
  readonly alsoOffered?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A conversation that shows one numbered statement. */
export interface Transcript {
  readonly says: string;
  readonly options?: Omit<ServerOptions, 'schema' | 'protocols' | 'clock'>;
  readonly handshake?: TranscriptHandshake;
  readonly steps: readonly Step[];
}

/** Transcripts by the number of the statement that they show; a statement may need several. */
export type Transcripts = Readonly<Record<string, Transcript | readonly Transcript[]>>;

/** Whether a transcript can be replayed over a real socket: it needs no time to pass. */
export function needsNoTime(transcript: Transcript): boolean {
  return !transcript.steps.some(
    (step) => 'afterMs' in step || 'destroyed' in step || 'ping' in step,
  );
}

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
