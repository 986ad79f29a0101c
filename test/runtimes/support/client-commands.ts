/** What the other side of the client's suite can be asked for, over HTTP. */
export interface StageCommands {
  /** Cuts every connection that carries something: sockets, and responses that have not ended. */
  cut(): void;
  publish(room: string, text: string): Promise<void>;
  /** Sources that are open. */
  sources(): number;
  /** Sockets and response streams that are open. */
  connections(): number;
  /** Operations that run. */
  operations(): number;
  /** How many sockets were ever opened. */
  openedSockets(): number;
  /** A URL where nobody listens. */
  closedUrl(): Promise<string>;
}

/** What a program tells of its run. */
export type ClientReport =
  | {
      readonly kind: 'case';
      readonly name: string;
      /** For the table: `yes`, `fails`, or what else a case says. */
      readonly mark: string;
      readonly error?: string;
      readonly tookMs: number;
    }
  | { readonly kind: 'end' };
