import { describe, expect, it } from 'vitest';

import { readToFailure, takeEvents } from '../support/log-readers.ts';
import { lost, unavailable } from '../support/outage-stage.ts';
import type { OutageStage } from '../support/outage-stage.ts';
import type { ServerProcess } from '../support/server-process.ts';

/** How a server loses what it has. */
export interface Losses<Server extends ServerProcess> {
  /** Starts a server that was killed, without anything that it had. */
  readonly startEmpty: (server: Server) => Promise<void>;
  /** Takes all logs from a server, as another program may. */
  readonly removeLogs: (server: Server) => Promise<void>;
  /** How what is stored is called in the names of tests, whose logs are taken. */
  readonly bereft: string;
}

/** What every broker must do whose server may stand still, remove what is not kept at once, and lose what it has. */
export function brokerLossesContract<Server extends ServerProcess>(
  stage: OutageStage<Server>,
  { startEmpty, removeLogs, bereft }: Losses<Server>,
): void {
  describe('a server that is killed and comes back', () => {
    it('without anything: readers are told at once, and positions are of another epoch', async () => {
      const server = await stage.startServer();
      const broker = stage.createBroker(server.url, { timeoutMs: 30_000 });
      const reader = await broker.read('topic', 'key', undefined);
      const position = await broker.publish('topic', 'key', 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);

      await server.kill();
      await startEmpty(server);

      expect(await readToFailure(reader)).toEqual(lost);
      const next = await broker.read('topic', 'key', position);
      expect(next.complete).toBe(false);
      expect(next.epoch).not.toBe(position.epoch);
      await broker.publish('topic', 'key', 2);
      expect(await takeEvents(next, 1)).toEqual([2]);
    });
  });

  describe('a server that is away', () => {
    it('that stands still lets a publish fail, and serves again once it goes on', async () => {
      const server = await stage.startServer();
      const broker = stage.createBroker(server.url, { timeoutMs: 200 });
      const reader = await broker.read('topic', 'key', undefined);

      await server.pause();
      await expect(broker.publish('topic', 'key', 'x')).rejects.toMatchObject(unavailable);
      server.resume();
      await expect
        .poll(() => broker.head('topic', 'key').then(Boolean, () => false), { interval: 5 })
        .toBe(true);
      await broker.publish('topic', 'key', 'after');

      // it was under way, so the publish that failed is carried out all the same
      expect(await takeEvents(reader, 2)).toEqual(['x', 'after']);
    });
  });

  describe('a publication whose answer is lost', () => {
    it('because the server stood still when it was killed fails at once', async () => {
      const server = await stage.startServer();
      const broker = stage.createBroker(server.url, { timeoutMs: 30_000 });
      await broker.head('topic', 'key');
      await server.pause();

      const outcome = Promise.allSettled([broker.publish('topic', 'key', 1)]);
      await server.kill();

      expect(await outcome).toMatchObject([{ status: 'rejected', reason: unavailable }]);
    });
  });

  describe('a reader that is cut off', () => {
    it('is told when that was more than is kept', async () => {
      const { proxy, reader, other } = await stage.cutOff({ events: 10 });
      const events = Array.from({ length: 200 }, (_, i) => i);
      await other.publishMany('topic', 'key', events);

      await proxy.accept();

      expect(await readToFailure(reader)).toEqual(lost);
    });
  });

  describe(`${bereft} while everybody is connected`, () => {
    it('is found out by the next event', async () => {
      const server = await stage.startServer();
      const broker = stage.createBroker(server.url);
      const reader = await broker.read('topic', 'key', undefined);
      const before = await broker.publish('topic', 'key', 1);
      expect(await takeEvents(reader, 1)).toEqual([1]);

      await removeLogs(server);
      const after = await broker.publish('topic', 'key', 2);

      expect(after.epoch).not.toBe(before.epoch);
      expect(await readToFailure(reader)).toEqual(lost);
    });

    it('is found out by a check when there is no event', async () => {
      const server = await stage.startServer();
      const broker = stage.createBroker(server.url, { checkMs: 20 });
      const reader = await broker.read('topic', 'key', undefined);

      await removeLogs(server);

      expect(await readToFailure(reader)).toEqual(lost);
      expect(broker.readerCount).toBe(0);
    });
  });
}
