import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { addOn, itemsOn, startExampleApp, untilState } from './example-app.ts';
import type { ExampleApp } from './example-app.ts';

const phone = { width: 390, height: 844 };

/**
 * What the live list does whichever library shows it.
 *
 * @param restarted - what the page says once it has seen a restart of a server whose events are in memory
 */
export function exampleAppContract(name: string, restarted: string): void {
  describe(`the live list with ${name}`, () => {
    let app: ExampleApp;

    beforeAll(async () => {
      app = await startExampleApp(name);
    });
    afterEach(async () => {
      await Promise.all(app.chromium.context.pages().map((page) => page.close()));
    });
    afterAll(() => app.close());

    it('shows in every window what is added in one, once', async () => {
      const [one, other] = [await app.open(), await app.open()];

      await addOn(one, 'Milk <b>');
      await itemsOn(other).filter({ hasText: 'Milk' }).waitFor();
      await addOn(other, 'Bread');
      await itemsOn(one).filter({ hasText: 'Bread' }).waitFor();

      for (const page of [one, other, await app.open()]) {
        await itemsOn(page).filter({ hasText: 'Bread' }).waitFor();
        expect(await itemsOn(page).allTextContents()).toEqual(['Milk <b>', 'Bread']);
      }
    });

    it.each(['SIGTERM', 'SIGKILL'] as const)(
      'misses nothing that was added while the server was away after %s',
      async (signal) => {
        const page = await app.open();
        await addOn(page, `Before ${signal}`);
        await itemsOn(page)
          .filter({ hasText: `Before ${signal}` })
          .waitFor();

        await app.stop(signal);
        await untilState(page, 'Reconnecting');
        await app.restart();
        await app.addElsewhere(`Meanwhile ${signal}`);
        await itemsOn(page)
          .filter({ hasText: `Meanwhile ${signal}` })
          .waitFor();
        await untilState(page, restarted);
        await app.addElsewhere(`After ${signal}`);
        await itemsOn(page)
          .filter({ hasText: `After ${signal}` })
          .waitFor();

        const texts = await itemsOn(page).allTextContents();
        expect(texts.slice(-3)).toEqual(
          ['Before', 'Meanwhile', 'After'].map((when) => `${when} ${signal}`),
        );
      },
    );

    it.each(['SIGINT', 'SIGTERM'] as const)('ends with code 0 on %s', async (signal) => {
      expect(await app.stop(signal)).toBe(0);
      await app.restart();
    });

    it('needs no sideways scrolling on a phone', async () => {
      await app.addElsewhere('https://example.org/'.padEnd(200, 'x'));
      const page = await app.open(phone);
      await itemsOn(page).last().waitFor();

      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(phone.width);
    });
  });
}
