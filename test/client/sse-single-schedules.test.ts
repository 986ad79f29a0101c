import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SingleStage, completeOf, nextOf, token } from '../support/sse-single-stage.ts';
import type { SingleExchange } from '../support/sse-single-stage.ts';
import type { ScriptedRequest, ScriptedResponse } from '../support/scripted-fetch.ts';

const answers = ['202', '400', '429 with errors', '504', 'nothing'] as const;

/** What may happen next; a number chooses among the operations there are. */
type Act =
  | { readonly kind: 'start'; readonly operation: 'query' | 'mutation' | 'subscription' }
  | { readonly kind: 'stop' | 'next' | 'complete'; readonly which: number }
  | {
      readonly kind: 'answer';
      readonly which: number;
      readonly answer: (typeof answers)[number];
    }
  | { readonly kind: 'reserve' | 'open' | 'end' | 'close' };

const which = fc.nat({ max: 7 });
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('start' as const),
      operation: fc.constantFrom('query', 'mutation', 'subscription', 'subscription'),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({ kind: fc.constantFrom('stop', 'next', 'next', 'complete'), which }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      which,
      answer: fc.constantFrom('202', '202', '202', ...answers),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('reserve', 'open') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('end', 'close') }) },
);

interface Run extends SingleExchange {
  /** Or its connection was closed. */
  isStopped: boolean;
  /** How much it had heard by then. */
  heardAtStop: number;
}

/** One connection and everything that happens to it. */
class Schedule {
  readonly stage = new SingleStage();
  readonly runs: Run[] = [];
  readonly #answered = new Set<ScriptedRequest>();
  /** Ids that the server was asked for and has not refused. */
  readonly executed = new Set<unknown>();
  #stream: ScriptedResponse | undefined;
  hasClosed = false;

  get isOver(): boolean {
    return this.hasClosed || this.stage.heard.length > 1;
  }

  async do(step: Act): Promise<void> {
    await this.#begin(step);
    await this.stage.clock.settle();
    for (const request of this.#unanswered('DELETE')) request.answer('', { status: 200 });
    await this.stage.clock.settle();
  }

  async #begin(step: Act): Promise<void> {
    switch (step.kind) {
      case 'start':
        return this.#start(step.operation);
      case 'stop':
        return this.#stop(this.runs[step.which]);
      case 'next':
        return this.#say(nextOf(String(step.which + 1), { data: step.which }));
      case 'complete':
        return this.#say(completeOf(String(step.which + 1)));
      case 'answer':
        return this.#answer(this.#unanswered('POST')[step.which], step.answer);
      case 'reserve':
        return this.#reserve();
      case 'open':
        return this.#open();
      case 'end':
        return this.#stream?.end();
      case 'close':
        this.stage.connection.close();
        for (const run of this.runs) silence(run);
        this.hasClosed = true;
    }
  }

  #say(event: string): void {
    this.#stream?.send(event);
  }

  #reserve(): void {
    for (const request of this.#unanswered('PUT'))
      request.answer(token, { status: 201, type: 'text/plain' });
  }

  #open(): void {
    for (const request of this.#unanswered('GET'))
      this.#stream = request.respond({ type: 'text/event-stream' });
  }

  async #start(kind: 'query' | 'mutation' | 'subscription'): Promise<void> {
    const exchange = await this.stage.start({ kind });
    this.runs.push({ ...exchange, isStopped: false, heardAtStop: 0 });
  }

  /** What was asked for and not answered is answered. */
  async settle(): Promise<void> {
    await this.do({ kind: 'reserve' });
    await this.do({ kind: 'open' });
    while (!this.isOver && this.#unanswered('POST').length > 0)
      await this.do({ kind: 'answer', which: 0, answer: '202' });
  }

  #unanswered(method: string): readonly ScriptedRequest[] {
    const requests = this.stage.requests.filter(
      (request) => request.method === method && !this.#answered.has(request),
    );
    // of POSTs one is answered at a time
    if (method !== 'POST') for (const request of requests) this.#answered.add(request);
    return requests;
  }

  #stop(run: Run | undefined): void {
    if (!run || run.isStopped) return;
    run.stop();
    silence(run);
  }

  #answer(request: ScriptedRequest | undefined, answer: (typeof answers)[number]): void {
    if (!request) return;
    this.#answered.add(request);
    const status = Number.parseInt(answer, 10);
    if (answer === '202') this.executed.add(this.stage.idOf(request));
    if (answer === 'nothing') request.refuse();
    else if (answer.endsWith('errors'))
      request.answer('{"errors":[{"message":"no"}]}', { status, type: 'application/json' });
    else request.answer('', { status });
  }
}

/** From now on it is told nothing. */
function silence(run: Run): void {
  if (!run.isStopped) run.heardAtStop = run.heard.length;
  run.isStopped = true;
}

const ends = (run: Run): number =>
  run.heard.filter((each) => each === 'complete' || each[0] === 'error' || each[0] === 'failed')
    .length;

/** It is told of its end once, as the last thing, and of nothing once it was stopped. */
function assertOneEnd(run: Run): void {
  const { heard, isStopped, heardAtStop } = run;
  const last = { ...run, heard: heard.slice(-1) };
  expect(ends(run)).toBe(ends(last));
  expect(heard.indexOf('started')).toBe(heard.lastIndexOf('started'));
  if (isStopped) expect(heard).toHaveLength(heardAtStop);
}

describe('whatever happens on one stream', () => {
  it('every operation ends once at most, and is stopped once if it has to be', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
        const schedule = new Schedule();
        const { stage, runs, executed } = schedule;
        for (const step of acts) await schedule.do(step);
        await schedule.settle();

        const { stopped, heard } = stage;
        expect(stopped).toEqual([...new Set(stopped)]);
        for (const [index, run] of runs.entries()) {
          assertOneEnd(run);
          const id = String(index + 1);
          const isLeft = run.isStopped && ends(run) === 0;
          if (isLeft && executed.has(id) && !schedule.isOver) expect(stopped).toContain(id);
          if (!run.isStopped && ends(run) === 0) expect(stopped).not.toContain(id);
        }
        const closings = heard.filter((each) => each[0] === 'closed');
        expect(closings).toEqual(heard.slice(-1).slice(0, closings.length));

        stage.connection.close();
        expect(stage.clock.timerCount).toBe(0);
      }),
      { numRuns: 400 },
    );
  });
});
