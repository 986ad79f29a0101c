import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { launchChromium } from '../support/chromium.ts';
import type { Chromium } from '../support/chromium.ts';
import { createFixtureApp } from '../support/fixture-app.ts';
import { bundleTabs, serveTabsSite } from '../support/tabs-site.ts';
import type { Scripts, TabsSite } from '../support/tabs-site.ts';
import type { TabStage } from './tabs/page.ts';

declare const stage: TabStage;

let scripts: Scripts;
let chromium: Chromium;

beforeAll(async () => {
  scripts = await bundleTabs();
  chromium = await launchChromium();
});
afterEach(async () => {
  await Promise.all(chromium.context.pages().map((page) => page.close()));
});
afterAll(() => chromium.close());

async function serve(): Promise<TabsSite> {
  const site = await serveTabsSite(scripts, createFixtureApp());
  onTestFinished(() => site.close());
  return site;
}

/** Opens a page that listens to the room `a`. */
async function listen(site: TabsSite, query: string): Promise<Page> {
  const page = await chromium.context.newPage();
  await page.goto(`${site.origin}/?${query}`);
  await page.evaluate(() => stage.listen('a'));
  return page;
}

/** Publishes so many numbered messages, the first of them `from`, and gives their texts. */
async function publish({ app }: TabsSite, from: number, count: number): Promise<readonly string[]> {
  const texts = Array.from({ length: count }, (_, index) => `message ${from + index}`);
  for (const text of texts) await app.publish('a', text);
  return texts;
}

/** What a page has seen once it has seen `count` messages. */
async function textsOf(page: Page, count: number): Promise<readonly string[]> {
  await page.waitForFunction((least) => stage.texts.length >= least, count, { timeout: 15_000 });
  return page.evaluate(() => stage.texts);
}

function sharingsOf(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => stage.sharings.map(({ kind }) => kind));
}

function statesOf(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => stage.states);
}

/** Ends the process of a page, and with it all that lives in there. */
async function crash(page: Page): Promise<void> {
  const session = await chromium.context.newCDPSession(page);
  const crashed = new Promise((resolve) => page.once('crash', resolve));
  // there is nobody left to answer it
  session.send('Page.crash').catch(() => {});
  await crashed;
}

/** Everything that ends a page, or what it has of a connection. */
const departures: readonly (readonly [string, (page: Page) => Promise<unknown>])[] = [
  ['is closed', (page) => page.close()],
  ['goes elsewhere', (page) => page.goto('about:blank')],
  ['closes its client', (page) => page.evaluate(() => stage.close())],
  ['crashes', crash],
];

describe.each([
  ['a worker', 'user=ada&worker=worker', { first: 'worker', second: 'worker' }],
  ['one of the tabs', 'user=ada', { first: 'leader', second: 'follower' }],
])('tabs that share a connection of %s', (_, query, kinds) => {
  it('have one socket, and every event', async () => {
    const site = await serve();
    const first = await listen(site, query);
    const second = await listen(site, query);
    const third = await listen(site, query);

    const sent = await publish(site, 1, 50);

    expect(await textsOf(first, 50)).toEqual(sent);
    expect(await textsOf(second, 50)).toEqual(sent);
    expect(await textsOf(third, 50)).toEqual(sent);
    expect(site.users).toEqual(['ada']);
    expect(await sharingsOf(first)).toEqual([kinds.first]);
    expect(await sharingsOf(second)).toEqual([kinds.second]);
  });

  it('answers queries of every tab', async () => {
    const site = await serve();
    const pages = [await listen(site, query), await listen(site, query)];

    const answers = await Promise.all(
      pages.map((page) => page.evaluate(() => stage.ask('{ hello }'))),
    );

    expect(answers).toEqual([{ data: { hello: 'world' } }, { data: { hello: 'world' } }]);
    expect(site.users).toEqual(['ada']);
  });

  it.each(departures)('lose no event when the first of them %s', async (_how, depart) => {
    const site = await serve();
    const first = await listen(site, query);
    const second = await listen(site, query);
    const third = await listen(site, query);
    const before = await publish(site, 1, 5);
    await Promise.all([first, second, third].map((page) => textsOf(page, 5)));

    const [during] = await Promise.all([publish(site, 6, 200), depart(first)]);
    await textsOf(second, 205);
    const after = await publish(site, 206, 5);

    const sent = [...before, ...during, ...after];
    expect(await textsOf(second, 210)).toEqual(sent);
    expect(await textsOf(third, 210)).toEqual(sent);
    expect(await statesOf(second)).not.toContain('gap');
    await expect.poll(() => site.openSockets, { timeout: 10_000 }).toBe(1);
    await expect.poll(() => site.operations, { timeout: 10_000 }).toBe(2);
  });

  // headless pages are never hidden, so none is frozen in earnest: this is what a page is told before
  it('lose no event when the first of them is told that it will be frozen', async () => {
    const site = await serve();
    const first = await listen(site, query);
    const second = await listen(site, query);

    const [sent] = await Promise.all([
      publish(site, 1, 200),
      first.evaluate(() => document.dispatchEvent(new Event('freeze'))),
    ]);

    expect(await textsOf(first, 200)).toEqual(sent);
    expect(await textsOf(second, 200)).toEqual(sent);
    expect(await first.evaluate(() => stage.losses)).toEqual([
      'CONNECTION_LOST: The page is put away',
    ]);
    await expect.poll(() => site.openSockets, { timeout: 10_000 }).toBe(1);
  });

  it('go on after the first of them was loaded again', async () => {
    const site = await serve();
    const first = await listen(site, query);
    const second = await listen(site, query);

    await first.reload();
    await first.evaluate(() => stage.listen('a'));
    await expect.poll(() => statesOf(second)).not.toContain('ended');
    await second.evaluate(() => stage.ask('{ hello }'));
    const sent = await publish(site, 1, 20);

    expect(await textsOf(first, 20)).toEqual(sent);
    expect(await textsOf(second, 20)).toEqual(sent);
    await expect.poll(() => site.openSockets, { timeout: 10_000 }).toBe(1);
  });

  it('come back together after the server was restarted', async () => {
    const site = await serve();
    const first = await listen(site, query);
    const second = await listen(site, query);
    const before = await publish(site, 1, 5);
    await Promise.all([first, second].map((page) => textsOf(page, 5)));

    await site.close();
    const between = await publish(site, 6, 5);
    const successor = await serveTabsSite(scripts, site.app, site.port);
    onTestFinished(() => successor.close());
    await textsOf(first, 10);
    await textsOf(second, 10);
    const after = await publish(site, 11, 5);

    const sent = [...before, ...between, ...after];
    expect(await textsOf(first, 15)).toEqual(sent);
    expect(await textsOf(second, 15)).toEqual(sent);
    await expect.poll(() => successor.openSockets).toBe(1);
  });

  it('do not share with those of another user', async () => {
    const site = await serve();
    await listen(site, query);
    await listen(site, query.replace('ada', 'grace'));

    expect(site.users).toEqual(['ada', 'grace']);
    expect(site.openSockets).toBe(2);
  });

  it('leave no socket behind', async () => {
    const site = await serve();
    const pages = [await listen(site, query), await listen(site, query)];

    await Promise.all(pages.map((page) => page.close()));

    await expect.poll(() => site.openSockets, { timeout: 15_000 }).toBe(0);
    expect(site.app.openSources()).toBe(0);
  });
});

it('tabs whose worker cannot be loaded have one of them lead', async () => {
  const site = await serve();
  const first = await listen(site, 'user=ada&worker=missing');
  const second = await listen(site, 'user=ada&worker=missing');

  expect(await sharingsOf(first)).toEqual(['leader']);
  expect(await sharingsOf(second)).toEqual(['follower']);
  expect(site.users).toEqual(['ada']);
});
