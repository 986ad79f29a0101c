import { launchChromium } from '../../support/chromium.ts';
import { openInFirefox } from '../../support/firefox.ts';
import { bundleForBrowsers } from './client-package.ts';
import type { StageFiles } from './client-stage.ts';
import type { ClientPlace } from './client-visit.ts';

export const chromiumPlace: ClientPlace = {
  name: 'Chromium',
  files: pageFiles,
  async open(origin) {
    const browser = await launchChromium();
    const page = await browser.context.newPage();
    let complaints = '';
    page.on('pageerror', (error) => {
      complaints += `${error.message}\n`;
    });
    await page.goto(origin);
    return { complaints: () => complaints, end: () => browser.close() };
  },
};

export const firefoxPlace: ClientPlace = {
  name: 'Firefox',
  files: pageFiles,
  async open(origin) {
    const browser = await openInFirefox(origin);
    return { complaints: () => browser.complaints(), end: () => browser.close() };
  },
};

/** A page that runs the suite. */
async function pageFiles(): Promise<StageFiles> {
  return new Map([
    ['/', { type: 'text/html', body: '<script type="module" src="/program.js"></script>' }],
    ['/program.js', { type: 'text/javascript', body: await bundleForBrowsers('client-page') }],
  ]);
}
