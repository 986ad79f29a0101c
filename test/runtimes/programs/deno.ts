import process from 'node:process';

import { createDenoHandler } from 'millrace/adapters/deno';
import type { DenoHandler } from 'millrace/adapters/deno';

import { stageHere } from '../../support/adapter-stage.ts';
import { createControl } from './control.ts';

/** What is called of Deno. */
declare const Deno: {
  serve(
    options: { port: 0; hostname: string; onListen: () => void; signal?: AbortSignal },
    handler: DenoHandler,
  ): { readonly addr: { readonly port: number }; readonly finished: Promise<void> };
};

const hostname = '127.0.0.1';
const options = { port: 0, hostname, onListen: () => {} } as const;

const control = createControl(
  stageHere((server) => {
    const controller = new AbortController();
    const { addr } = Deno.serve(
      { ...options, signal: controller.signal },
      createDenoHandler(server),
    );
    return Promise.resolve({
      url: `http://${hostname}:${addr.port}/graphql`,
      close: async () => {
        await server.close();
        controller.abort();
      },
    });
  }),
);
const { addr } = Deno.serve(options, control);
process.stdout.write(`http://${hostname}:${addr.port}/\n`);
