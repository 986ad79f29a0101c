import { setTimeout as pause } from 'node:timers/promises';

import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { launchChromium } from './chromium.ts';
import type { Chromium } from './chromium.ts';
import { Cluster } from './cluster.ts';

/** Between two messages: slow enough for a log to hold all of them, and for the window to show them. */
const paceMs = 50;
const phone = { width: 390, height: 844 };

/** What the cluster of the examples does whichever broker it is over; `title` is what the broker is called there. */
export function clusterContract(broker: string, title: string): void {
  describe(`the cluster over ${title}`, () => {
    let cluster: Cluster;
    let chromium: Chromium;

    beforeAll(async () => {
      [cluster, chromium] = await Promise.all([Cluster.start(broker), launchChromium()]);
    }, 300_000);
    afterAll(async () => {
      await chromium.close();
      await cluster.stop();
    });

    it('shows every message once and in order, whichever process is killed', async () => {
      const page = await open();
      const published = await publishDuring(cluster, async (last) => {
        for (const name of cluster.processes) {
          await cluster.kill(name);
          await messageOf(page, last()).waitFor({ state: 'attached', timeout: 60_000 });
        }
      });

      expect(cluster.processes).toEqual([title, 'server-1', 'server-2', 'server-3', 'HAProxy']);
      expect(await accountOf(page, published)).toEqual(completeUpTo(published));
      // a process that ends takes the window along if it serves it, and HAProxy does in any case
      expect(Number((await figuresOf(page))['returns'])).toBeGreaterThan(0);
    }, 120_000);

    it('shows every message once and in order while each server is replaced', async () => {
      const page = await open();
      const published = await publishDuring(cluster, async (last) => {
        for (const name of ['server-1', 'server-2', 'server-3']) {
          await cluster.drain(name);
          await messageOf(page, last()).waitFor({ state: 'attached', timeout: 60_000 });
        }
      });

      expect(await accountOf(page, published)).toEqual(completeUpTo(published));
    }, 120_000);

    it('publishes from the window, and says which server took it', async () => {
      const page = await open();

      await page.getByLabel('Publish from this window').fill('Hello');
      await page.getByRole('button', { name: 'Publish' }).click();
      await page.getByText(/Accepted by server-\d/).waitFor();
      await page.getByText('Hello', { exact: true }).waitFor();

      expect(await page.locator('.servers [data-serving]').count()).toBeLessThanOrEqual(1);
    });

    it('shows three servers, one of which serves the window, without sideways scrolling on a phone', async () => {
      const page = await open(phone);

      await page.locator('.servers li').nth(2).waitFor();
      await page.locator('.servers li[data-serving]').waitFor();

      expect(await page.locator('.servers .name').allTextContents()).toEqual([
        'server-1',
        'server-2',
        'server-3',
      ]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(phone.width);
    });

    // the last one: nothing is left of the cluster
    it('ends with code 0 when Ctrl-C is pressed', async () => {
      expect(await cluster.stop()).toBe(0);
      await expect(fetch(cluster.url)).rejects.toThrow();
    });

    async function open(size = { width: 1280, height: 900 }): Promise<Page> {
      const page = await chromium.context.newPage();
      await page.setViewportSize(size);
      await page.goto(cluster.url);
      await page.getByRole('status').filter({ hasText: 'Live' }).waitFor();
      return page;
    }
  });
}

/** What somebody else publishes from the beginning of `work` to its end, which is told of the last message that was accepted. */
async function publishDuring(
  cluster: Cluster,
  work: (last: () => Published) => Promise<void>,
): Promise<Published> {
  const publisher = `somebody ${crypto.randomUUID().slice(0, 8)}`;
  const over = new AbortController();
  let accepted = 0;
  const last = (): Published => ({ publisher, sequence: accepted });
  const publishing = (async () => {
    while (!over.signal.aborted || accepted === 0) {
      await cluster.publish(publisher, accepted + 1);
      accepted += 1;
      await pause(paceMs);
    }
  })();
  await work(last);
  over.abort();
  await publishing;
  return last();
}

/** The last message of somebody who began with 1. */
interface Published {
  readonly publisher: string;
  readonly sequence: number;
}

/** What a window has of that publisher, oldest first, and what it says is wrong, once it has the last message. */
async function accountOf(page: Page, last: Published): Promise<object> {
  await messageOf(page, last).waitFor({ state: 'attached' });
  const texts = page.locator(`[data-id^="${last.publisher}/"] .text`);
  const { lost, repeated, late } = await figuresOf(page);
  return { texts: (await texts.allTextContents()).toReversed(), lost, repeated, late };
}

function completeUpTo({ publisher, sequence }: Published): object {
  const texts = Array.from({ length: sequence }, (_, i) => `${publisher} ${i + 1}`);
  return { texts, lost: '0', repeated: '0', late: '0' };
}

/** There is none before the first was accepted. */
function messageOf(page: Page, { publisher, sequence }: Published): Locator {
  return page.locator(`[data-id="${publisher}/${Math.max(sequence, 1)}"]`);
}

async function figuresOf(page: Page): Promise<Record<string, string>> {
  const figures = page.locator('.figures dd');
  const entries = (await figures.all()).map(async (figure) => [
    (await figure.getAttribute('id')) ?? '',
    (await figure.textContent()) ?? '',
  ]);
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>; // pairs of texts
}
