import type { ErrorCode } from 'millrace';
import type { SseSingleOptions } from 'millrace/client/sse-single';
import { describe, expect, it } from 'vitest';

import { failure } from '../support/response-stage.ts';
import { SingleStage, nextOf } from '../support/sse-single-stage.ts';
import type { SingleStreamScript } from '../support/sse-single-stage.ts';

const lost = (code: ErrorCode, details: object = {}) => [
  'connected',
  ['closed', failure(code, { retryable: true, ...details })],
];

/** A stream whose server was asked whether it still has it. */
async function probed(
  options: SseSingleOptions = {},
): Promise<{ readonly stage: SingleStage; readonly stream: SingleStreamScript }> {
  const stage = new SingleStage(options);
  const stream = await stage.open();
  await stage.start();
  await stage.accept();
  stage.connection.probe?.();
  await stage.clock.settle();
  return { stage, stream };
}

/** Of a stream that is kept: nothing more is waited for. */
const living = { heard: ['connected'], timers: 0 };

function stateOf({ heard, clock }: SingleStage): object {
  return { heard, timers: clock.timerCount };
}

describe('a stream that may be dead', () => {
  it('is asked for by stopping an operation that never was', async () => {
    const { stage } = await probed();

    expect(stage.methods).toBe('PUT GET POST DELETE');
    expect(stage.stopped).toEqual(['0']);
  });

  it('lives where the server knows it', async () => {
    const { stage } = await probed();
    await stage.answer('DELETE', { status: 200 });

    await stage.clock.advance(60_000);
    expect(stateOf(stage)).toEqual(living);
  });

  it('is lost where the server does not know it any more', async () => {
    const { stage, stream } = await probed();
    await stage.answer('DELETE', { status: 404 });

    expect(stage.heard).toEqual(lost('CONNECTION_LOST', { status: 404 }));
    expect(stream.isReleased).toBe(true);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('is lost where there is no way to the server', async () => {
    const { stage } = await probed();
    stage.last('DELETE').refuse();
    await stage.clock.settle();

    expect(stage.heard).toEqual(lost('CONNECTION_LOST'));
    expect(stage.clock.timerCount).toBe(0);
  });

  it('is lost where nothing answers in time', async () => {
    const { stage } = await probed({ connectTimeoutMs: 3_000 });
    await stage.clock.advance(2_999);
    expect(stage.heard).toEqual(['connected']);

    await stage.clock.advance(1);
    expect(stage.heard).toEqual(lost('TERMINATED'));
    expect(stage.last('DELETE').isAborted).toBe(true);
    expect(stage.clock.timerCount).toBe(0);
  });

  it('may take as long as it wants without a limit', async () => {
    const { stage } = await probed({ connectTimeoutMs: Number.POSITIVE_INFINITY });
    await stage.clock.advance(600_000);

    expect(stateOf(stage)).toEqual(living);
  });

  it('lives when it brings something meanwhile, whatever becomes of the question', async () => {
    for (const chunk of [':\n\n', nextOf('1', { data: null })]) {
      const { stage, stream } = await probed();
      await stream.send(chunk);
      expect(stage.last('DELETE').isAborted).toBe(true);

      await stage.clock.advance(10_000);
      expect(stateOf(stage)).toEqual(living);
    }
  });

  it.each([400, 401, 403, 405, 429, 500, 503])(
    'is left to itself by a server that answers with %i',
    async (status) => {
      const { stage } = await probed();
      await stage.answer('DELETE', { status });

      expect(stateOf(stage)).toEqual(living);
    },
  );

  it('is left to itself where the question cannot be asked', async () => {
    let requests = 0;
    const { stage } = await probed({
      headers: () => {
        if ((requests += 1) > 3) throw new Error('nobody is logged in');
        return {};
      },
    });

    expect(stage.methods).toBe('PUT GET POST');
    expect(stateOf(stage)).toEqual(living);
  });

  it('is asked for once at a time, and again when there was an answer', async () => {
    const { stage, stream } = await probed();
    stage.connection.probe?.();
    await stage.clock.settle();
    expect(stage.stopped).toEqual(['0']);

    await stage.answer('DELETE', { status: 200 });
    stage.connection.probe?.();
    await stage.clock.settle();
    expect(stage.stopped).toEqual(['0', '0']);

    await stream.send(':\n\n');
    stage.connection.probe?.();
    await stage.clock.settle();
    expect(stage.stopped).toEqual(['0', '0', '0']);
    stage.connection.close();
    expect(stage.clock.timerCount).toBe(0);
  });

  it('is not asked for before it is there, nor after its end', async () => {
    const stage = new SingleStage();
    stage.connection.probe?.();
    await stage.reserve();
    stage.connection.probe?.();
    await stage.clock.settle();
    expect(stage.methods).toBe('PUT GET');

    stage.connection.close();
    stage.connection.probe?.();
    await stage.clock.settle();
    expect(stage.methods).toBe('PUT GET');
  });
});
