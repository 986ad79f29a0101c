import type { Transport } from 'millrace/client';

/** One operation on one connection. */
export interface Run {
  /** Which of the connections that were ever made, from 1. */
  readonly connection: number;
  readonly room: unknown;
  readonly results: unknown[];
  /** What the server, or nobody yet, said last. */
  end: 'error' | 'complete' | undefined;
}

/** Keeps account of what a client starts on its connections and what comes over each. */
export class RunLedger {
  readonly runs: Run[] = [];
  connections = 0;

  /** `transport`, watched. */
  watch(transport: Transport): Transport {
    return {
      isShared: transport.isShared,
      connect: (settings, listener) => {
        const connection = transport.connect(settings, listener);
        const number = (this.connections += 1);
        return {
          confirmsStarts: connection.confirmsStarts === true,
          start: (operation, sink) => {
            const run = this.#add(number, operation.request.variables?.['room']);
            return connection.start(operation, {
              started: () => sink.started?.(),
              next: (result) => {
                run.results.push(result.data);
                sink.next(result);
              },
              error: (errors) => {
                run.end = 'error';
                sink.error(errors);
              },
              complete: () => {
                run.end = 'complete';
                sink.complete();
              },
              failed: (failure) => {
                run.end = 'error';
                sink.failed(failure);
              },
            });
          },
          probe: () => connection.probe?.(),
          close: () => connection.close(),
        };
      },
    };
  }

  /** Runs to which the same event came twice. */
  get repetitive(): readonly Run[] {
    return this.runs.filter(({ results }) => {
      const texts = results.map((result) => JSON.stringify(result));
      return new Set(texts).size < texts.length;
    });
  }

  #add(connection: number, room: unknown): Run {
    const run: Run = { connection, room, results: [], end: undefined };
    this.runs.push(run);
    return run;
  }
}
