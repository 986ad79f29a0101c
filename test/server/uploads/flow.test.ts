import { GraphQLError } from 'graphql';
import type { UploadedFile } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { Inbox } from '../../support/waiting.ts';
import type { Act, UploadStage } from '../../support/upload-stage.ts';
import {
  FormBody,
  boundary,
  partText,
  requestParts,
  stageUploads,
  toAnswer,
  untilIdle,
} from '../../support/upload-stage.ts';

const pieceBytes = 1_024;
const bufferBytes = 4_096;

const actOnce = 'mutation ($file: Upload) { act(file: $file) }';
const actTwice =
  'mutation ($a: Upload, $b: Upload) { first: act(file: $a, step: 1) second: act(file: $b, step: 2) }';

/** The beginning of a form, up to the bytes of its first file. */
function beginning(query: string, map: Readonly<Record<string, readonly string[]>>): string {
  const places = Object.values(map).flat();
  const variables = Object.fromEntries(
    places.map((path) => [path.replace('variables.', ''), null]),
  );
  return requestParts({ query, variables }, map).map(partText).join('');
}

const fileHead = (name: string): string =>
  partText({ name, fileName: `${name}.bin`, content: '' }).slice(0, -2);
const nextDelimiter = '\r\n';
/** As many bytes as it takes to be sure that they begin no delimiter. */
const some = 'some bytes of a file';
const end = `\r\n--${boundary}--\r\n`;
const oneFile = beginning(actOnce, { 0: ['variables.file'] }) + fileHead('0');
const twoFiles = beginning(actTwice, { 0: ['variables.a'], 1: ['variables.b'] });

/** What a resolver has got of its file, for a test to take piece by piece. */
class SlowReader {
  readonly arrived = new Inbox<UploadedFile>('files');
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #finish: () => void = () => {};

  readonly act: Act = async (file) => {
    const here = await file;
    this.#reader = here.stream().getReader();
    this.arrived.push(here);
    await new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    return here.name;
  };

  async read(): Promise<number | undefined> {
    const { value } = (await this.#reader?.read()) ?? {};
    return value?.length;
  }

  finish(): void {
    this.#finish();
  }
}

function stageWith(act: Act, limits: object = {}): UploadStage {
  return stageUploads(act, { uploads: { bufferBytes, ...limits } });
}

/** The code that `promise` rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error instanceof GraphQLError ? error.extensions['code'] : error;
  }
}

/** Wants the beginning of the first file and all of the second. */
const actOnBeginning: Act = async (file, step) => {
  if (step === 2) return (await file).text();
  const stream = (await file).stream().getReader();
  await stream.read();
  await stream.cancel();
  return 'enough';
};

describe('a body with files', () => {
  it('UP-20 is executed before its last file begins to come', async () => {
    const reader = new SlowReader();
    const stage = stageWith(reader.act);
    const body = new FormBody().send(twoFiles + fileHead('0') + some);

    const response = stage.ask(body);

    expect((await reader.arrived.next()).name).toBe('0.bin');
    reader.finish();
    body.send(nextDelimiter + fileHead('1') + some);
    expect((await reader.arrived.next()).name).toBe('1.bin');
    reader.finish();
    expect((await response).status).toBe(200);
  });

  it('waits for who reads its file slowly', async () => {
    const reader = new SlowReader();
    const stage = stageWith(reader.act);
    const body = new FormBody().send(oneFile).send(new Uint8Array(100 * pieceBytes), pieceBytes);
    const response = stage.ask(body);
    await reader.arrived.next();
    const headBytes = oneFile.length;

    await untilIdle(body, stage.clock);
    expect(body.bytesRead - headBytes).toBe(bufferBytes);

    expect(await reader.read()).toBeGreaterThan(0);
    expect(await reader.read()).toBe(pieceBytes);
    await untilIdle(body, stage.clock);
    expect(body.bytesRead - headBytes).toBeLessThanOrEqual(bufferBytes + 2 * pieceBytes);

    reader.finish();
    await response;
  });

  it('is read by whoever waits, though others do not read theirs', async () => {
    const seen: string[] = [];
    const files: Promise<UploadedFile>[] = [];
    const act: Act = async (file, step) => {
      files.push(file);
      if (step === 1) return 'not yet';
      seen.push(await (await file).text(), await (await (files[0] ?? file)).text());
      return 'both';
    };
    const stage = stageWith(act);
    // the first one fills the buffer, but for what its own end takes
    const body = new FormBody()
      .send(twoFiles + fileHead('0'))
      .send('a'.repeat(bufferBytes - 1), pieceBytes)
      .send(nextDelimiter + fileHead('1'))
      .send('b'.repeat(10 * pieceBytes), pieceBytes)
      .send(end)
      .end();

    expect(toAnswer(await stage.ask(body)).json).toEqual({
      data: { first: 'not yet', second: 'both' },
    });
    expect(seen.map((text) => text.length)).toEqual([10 * pieceBytes, bufferBytes - 1]);
  });

  it('goes on behind a file that nobody reads, after uploads.unreadMs', async () => {
    const first: Promise<UploadedFile>[] = [];
    const act: Act = async (file, step) => {
      if (step === 1) {
        first.push(file);
        return 'ignored';
      }
      return (await file).text();
    };
    const stage = stageWith(act);
    const body = new FormBody()
      .send(twoFiles + fileHead('0'))
      .send(new Uint8Array(20 * pieceBytes), pieceBytes)
      .send(`${nextDelimiter}${fileHead('1')}second${end}`)
      .end();
    const response = stage.ask(body);
    await stage.clock.advance(29_999);
    expect(body.bytesRead).toBeLessThan(twoFiles.length + 8 * pieceBytes);

    await stage.clock.advance(1);

    expect(toAnswer(await response).json).toEqual({ data: { first: 'ignored', second: 'second' } });
    const ignored = await first[0];
    expect(await errorOf(ignored?.text() ?? Promise.resolve())).toBe('UPLOAD_UNREAD');
    expect(stage.clock.timerCount).toBe(0);
  });

  it('passes over a file whose reader wants no more of it', async () => {
    const body = new FormBody()
      .send(twoFiles + fileHead('0'))
      .send(new Uint8Array(20 * pieceBytes), pieceBytes)
      .send(`${nextDelimiter}${fileHead('1')}second${end}`)
      .end();
    expect(toAnswer(await stageWith(actOnBeginning).ask(body)).json).toEqual({
      data: { first: 'enough', second: 'second' },
    });
  });

  it('is not read any further if nobody wants the rest', async () => {
    const reader = new SlowReader();
    const stage = stageWith(async (file) => {
      await (await file).stream().cancel();
      return reader.act(file, 0).catch(() => 'read once');
    });
    const body = new FormBody().send(oneFile).send(new Uint8Array(100 * pieceBytes), pieceBytes);

    expect(toAnswer(await stage.ask(body)).json).toEqual({ data: { act: 'read once' } });
    expect(body.bytesRead).toBeLessThan(oneFile.length + 2 * bufferBytes);
    expect(body.isReturned).toBe(true);
  });

  it('is not read any further once its operation has its result', async () => {
    const kept: Promise<UploadedFile>[] = [];
    const stage = stageWith(async (file) => {
      kept.push(file);
      await file;
      return 'done';
    });
    const body = new FormBody().send(oneFile).send(new Uint8Array(100 * pieceBytes), pieceBytes);

    expect(toAnswer(await stage.ask(body)).json).toEqual({ data: { act: 'done' } });
    await stage.clock.settle();

    expect(body.bytesRead).toBeLessThan(oneFile.length + 2 * bufferBytes);
    expect(body.isReturned).toBe(true);
    expect(await errorOf((await kept[0])?.text() ?? Promise.resolve())).toBe('UPLOAD_UNREAD');
    expect(stage.clock.timerCount).toBe(0);
  });

  it('is not read any further if a hook refuses its client', async () => {
    const stage = stageUploads(undefined, { onConnect: () => false });
    const body = new FormBody().send(oneFile);
    expect((await stage.ask(body)).status).toBe(403);
    body.send('more');
    await stage.clock.settle();
    expect(body.isReturned).toBe(true);
    expect(stage.clock.timerCount).toBe(0);
  });
});

describe('a file', () => {
  it('is read as a stream, each piece before the next one comes', async () => {
    const pieces: string[] = [];
    const body = new FormBody().send(oneFile + some);
    const stage = stageWith(async (file) => {
      const decoder = new TextDecoder();
      for await (const piece of (await file).stream()) {
        pieces.push(decoder.decode(piece));
        if (pieces.length === 1) body.send(some.toUpperCase()).send(end).end();
      }
      return 'read';
    });
    await stage.ask(body);
    expect(pieces).toEqual([some, some.toUpperCase()]);
  });

  it('is read as bytes', async () => {
    const stage = stageWith(async (file) => {
      const bytes = await (await file).arrayBuffer();
      return `${bytes instanceof ArrayBuffer} ${[...new Uint8Array(bytes)].join(' ')}`;
    });
    const body = new FormBody()
      .send(oneFile)
      .send(Uint8Array.of(0, 255, 13))
      .send(end)
      .end();
    expect(toAnswer(await stage.ask(body)).json).toEqual({ data: { act: 'true 0 255 13' } });
  });

  it('has a size once all of it came', async () => {
    const sizes: unknown[] = [];
    const body = new FormBody().send(oneFile + some);
    const stage = stageWith(async (file) => {
      const here = await file;
      sizes.push(here.size);
      body.send(end).end();
      await here.text();
      sizes.push(here.size);
      return null;
    });
    await stage.ask(body);
    expect(sizes).toEqual([undefined, some.length]);
  });

  it('that has one place is read once', async () => {
    const stage = stageWith(async (file) => {
      const here = await file;
      await here.text();
      return here.text().catch(String);
    });
    const body = new FormBody().send(oneFile).send('four').send(end).end();
    expect(toAnswer(await stage.ask(body)).json).toEqual({
      data: { act: 'UsageError: a file that has one place in the variables can be read once' },
    });
  });

  it('UP-5 that has two places is read by both at once, as it comes', async () => {
    const query = 'mutation ($a: Upload, $b: Upload) { act(file: $a) put(file: $b) { text } }';
    const shared = beginning(query, { 0: ['variables.a', 'variables.b'] });
    const stage = stageWith(async (file) => {
      const here = await file;
      const [one, other] = await Promise.all([here.text(), here.text()]);
      return String(one === other && one === 'ab'.repeat(1_000));
    });
    const body = new FormBody()
      .send(shared + fileHead('0'))
      .send('ab'.repeat(1_000), 7)
      .send(end)
      .end();
    expect(toAnswer(await stage.ask(body)).json).toEqual({
      data: { act: 'true', put: { text: 'ab'.repeat(1_000) } },
    });
  });
});

describe('UP-19 a client that leaves', () => {
  it('ends who reads its file, and leaves nothing behind', async () => {
    const outcome = new Inbox<unknown>('outcomes');
    const leaving = new AbortController();
    const stage = stageWith(async (file) => {
      const here = await file;
      outcome.push('reading');
      outcome.push(await errorOf(here.text()));
      return null;
    });
    const body = new FormBody().send(oneFile + some);
    const response = stage.ask(body, { signal: leaving.signal });
    expect(await outcome.next()).toBe('reading');

    leaving.abort();

    expect((await response).status).toBe(499);
    expect(await outcome.next()).toBe('UPLOAD_ABORTED');
    expect(stage.clock.timerCount).toBe(0);
    expect(stage.server.gauges()).toMatchObject({ connections: 0, operations: 0 });
    body.cut();
    await stage.clock.settle();
    expect(body.isReturned).toBe(true);
  });

  it('ends who waits for a file that did not begin', async () => {
    const outcome = new Inbox<unknown>('outcomes');
    const stage = stageWith(async (file) => {
      outcome.push('waiting');
      outcome.push(await errorOf(file));
      return null;
    });
    const body = new FormBody().send(
      `${beginning(actOnce, { 0: ['variables.file'] })}--${boundary}\r\nContent-`,
    );
    const response = stage.ask(body);
    expect(await outcome.next()).toBe('waiting');

    body.cut();

    expect(await outcome.next()).toBe('UPLOAD_ABORTED');
    await response;
    expect(stage.clock.timerCount).toBe(0);
  });

  it('before its form says what to do is told to nobody', async () => {
    const leaving = new AbortController();
    const stage = stageWith(() => Promise.resolve(null));
    const response = stage.ask(new FormBody().send('--b0'), { signal: leaving.signal });
    await stage.clock.settle();

    leaving.abort();

    await response;
    expect(stage.hidden).toEqual([]);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('while the body waits for a reader ends it as well', async () => {
    const reader = new SlowReader();
    const leaving = new AbortController();
    const stage = stageWith(reader.act);
    const body = new FormBody().send(oneFile).send(new Uint8Array(100 * pieceBytes), pieceBytes);
    const response = stage.ask(body, { signal: leaving.signal });
    await reader.arrived.next();
    await untilIdle(body, stage.clock);

    leaving.abort();

    expect(await errorOf(reader.read())).toBe('UPLOAD_ABORTED');
    expect((await response).status).toBe(499);
    expect(body.isReturned).toBe(true);
  });
});
