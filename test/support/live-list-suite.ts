import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { addOn, itemsOn, startExampleApp, untilState } from './example-app.ts';
import type { ExampleApp, ExampleSettings } from './example-app.ts';

/** What every page of the live list has to do, whatever library shows it. */
export function liveListSuite(app: string, settings: ExampleSettings = {}): void {
  const stateAfterwards = settings.REDIS_URL ? 'Recovered' : 'Gap';

  describe(`the live list with ${app}`, () => {
    let example: ExampleApp;

    beforeAll(async () => {
      example = await startExampleApp(app, settings);
    });
    afterEach(async () => {
      await Promise.all(example.chromium.context.pages().map((page) => page.close()));
    });
    afterAll(() => example.close());

    it('shows on all pages what is added on one', async () => {
      const [one, other] = [await example.open(), await example.open()];
      const before = await itemsOn(one).count();
      await addOn(one, 'Milk');
      await addOn(other, 'Bread');

      for (const page of [one, other]) {
        await itemsOn(page)
          .nth(before + 1)
          .waitFor();
        const shown = await itemsOn(page).allInnerTexts();
        expect(shown.slice(before).toSorted()).toEqual(['Bread', 'Milk']);
      }
    });

    it('misses nothing when the server was away', async () => {
      const [one, other] = [await example.open(), await example.open()];
      await addOn(one, 'Before');
      await itemsOn(other).filter({ hasText: 'Before' }).waitFor();
      const before = await itemsOn(one).allInnerTexts();

      await example.stop('SIGTERM');
      await untilState(one, 'Reconnecting');
      await example.restart();
      // before the pages are back, as a rule
      await example.addElsewhere('Meanwhile');
      for (const page of [one, other]) {
        await untilState(page, stateAfterwards);
        await itemsOn(page).filter({ hasText: 'Meanwhile' }).waitFor();
      }
      await addOn(other, 'Afterwards');

      for (const page of [one, other]) {
        await itemsOn(page).filter({ hasText: 'Afterwards' }).waitFor();
        expect(await itemsOn(page).allInnerTexts()).toEqual([...before, 'Meanwhile', 'Afterwards']);
      }
    });

    it('says what could not be added, and keeps what was written', async () => {
      const page = await example.open();
      await addOn(page, ' x ');
      await itemsOn(page).filter({ hasText: 'x' }).last().waitFor();
      await example.stop('SIGTERM');
      await untilState(page, 'Reconnecting');
      await addOn(page, 'Offline');
      await page.getByRole('alert').filter({ hasText: 'Not added' }).waitFor();

      expect(await page.getByLabel('New item').inputValue()).toBe('Offline');
      await example.restart();
      await untilState(page, stateAfterwards);
      await page.getByRole('button', { name: 'Add' }).click();
      await itemsOn(page).filter({ hasText: 'Offline' }).waitFor();
      expect(await page.getByRole('alert').count()).toBe(0);
    });
  });
}
