/** What is there again after the program was killed. */
export type Persistence = 'everything' | 'nothing';

/** The program that keeps the events, of one run alone: scenarios may do anything to it. */
export interface Backplane {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** Where it answers, or what stands before it on another port. */
  urlAt(port: number): string;
  /** Ends it at once, as `kill -9` does. */
  kill(): Promise<void>;
  /** Starts it again, on the same port. */
  start(): Promise<void>;
  /** Has it answer nobody for a while; resolves when that is over. */
  stall(durationMs: number): Promise<void>;
  /** Removes the events of a log but for the newest two. */
  trim(topic: string, key: string): Promise<void>;
  /** Leaves nothing behind. */
  close(): Promise<void>;
}

/** One kind of such programs. */
export interface BackplaneKind {
  /** As people write it. */
  readonly title: string;
  /** By what {@link Backplane.stall} and {@link Backplane.trim} are done. */
  readonly means: { readonly stall: string; readonly trim: string };
  readonly start: (persistence: Persistence) => Promise<Backplane>;
}
