import { createFetchHandler } from 'millrace/adapters/fetch';
import type { FetchHandler } from 'millrace/adapters/fetch';
import { createServer } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { bytesOf } from '../support/chunks.ts';
import type { Act } from '../support/upload-stage.ts';
import { boundary, partText, requestParts, uploadSchema } from '../support/upload-stage.ts';
import { until } from '../support/waiting.ts';

const url = 'https://api.example/graphql';
const query = 'mutation ($file: Upload) { act(file: $file) }';
const operations = { query, variables: { file: null } };
const map = { 0: ['variables.file'] };
const preflight = { 'graphql-require-preflight': '1', accept: 'application/json' };

function handling(act: Act): FetchHandler {
  const server = createServer({ schema: uploadSchema(act), uploads: { bufferBytes: 10_000 } });
  return createFetchHandler(server);
}

const beginning =
  requestParts(operations, map).map(partText).join('') +
  partText({ name: '0', fileName: 'f', content: '' }).slice(0, -2);

describe('files by the handler for fetch', () => {
  it('come from `FormData`', async () => {
    const handle = handling(async (file) => `${(await file).name} ${await (await file).text()}`);
    const form = new FormData();
    form.append('operations', JSON.stringify(operations));
    form.append('map', JSON.stringify(map));
    form.append('0', new File(['Hellö'], 'größe.txt'));

    const answer = await handle(
      new Request(url, { method: 'POST', headers: preflight, body: form }),
    );

    expect(await answer.json()).toEqual({ data: { act: 'größe.txt Hellö' } });
  });

  it('make a body wait until somebody reads, and go on', async () => {
    let pulledBytes = 0;
    const pulledBefore: number[] = [];
    const piece = new Uint8Array(1_000);
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const next = pulledBytes === 0 ? bytesOf(beginning) : piece;
          pulledBytes += next.length;
          controller.enqueue(next);
          if (pulledBytes < 1_000_000) return;
          controller.enqueue(bytesOf(`\r\n--${boundary}--\r\n`));
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const handle = handling(async (file) => {
      const here = await file;
      for (let turns = 0; turns < 10; turns += 1) {
        await new Promise((resolve) => void setImmediate(resolve));
      }
      pulledBefore.push(pulledBytes);
      return String((await here.text()).length > 900_000);
    });
    const headers = { ...preflight, 'content-type': `multipart/form-data; boundary=${boundary}` };
    const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit; // `duplex` is not known to the types yet

    const answer = await handle(new Request(url, init));

    expect(await answer.json()).toEqual({ data: { act: 'true' } });
    expect(pulledBefore[0]).toBeLessThan(beginning.length + 15_000);
  });

  it('that nobody reads are cancelled', async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(bytesOf(`${beginning}some bytes of a file`)),
      pull: (controller) => controller.enqueue(new Uint8Array(1_000)),
      cancel: () => {
        isCancelled = true;
      },
    });
    const headers = { ...preflight, 'content-type': `multipart/form-data; boundary=${boundary}` };
    const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit; // `duplex` is not known to the types yet

    const answer = await handling(() => Promise.resolve('not read'))(new Request(url, init));

    expect(await answer.json()).toEqual({ data: { act: 'not read' } });
    await until(() => isCancelled, 'the end of the body');
    expect(isCancelled).toBe(true);
  });
});
