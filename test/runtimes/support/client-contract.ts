import { beforeAll, describe, expect, it } from 'vitest';

import { clientCases } from '../programs/client-suite.ts';
import type { ClientColumn } from './client-table.ts';
import { clientPage, pageWith } from './client-table.ts';
import { visit } from './client-visit.ts';
import type { ClientPlace, ClientVisit } from './client-visit.ts';

/** What is shown beside the cases, where programs end. */
const endRow = 'A program ends by itself';

/** Collects what places showed. */
export type Shown = Map<string, ClientColumn>;

/** What the client has to do in `place`. */
export function clientContract(place: ClientPlace, shown: Shown): void {
  describe(`the client on ${place.name}`, () => {
    let visited: ClientVisit | undefined;
    beforeAll(async () => {
      visited = await visit(place);
      shown.set(place.name, toColumn(visited));
    }, 240_000);

    it.each(clientCases.map(({ name }) => name))('%s', (name) => {
      const report = visited?.reports.get(name) ?? { mark: 'not run' };

      expect({ ...report, complaints: visited?.complaints }).toMatchObject({
        mark: expect.not.stringMatching(/^(?:fails|not run)$/),
      });
    });

    it('ends by itself after the last close(), where it is a program', () => {
      expect([0, undefined]).toContain(visited?.exit);
    });
  });
}

/** Compares the columns of `isOurs` with those that were seen, or writes them there. */
export function isOnPage(shown: Shown, isOurs: (name: string) => boolean): void {
  it('prints what the client showed to docs/client.md', async () => {
    await expect(pageWith(shown, isOurs)).toMatchFileSnapshot(clientPage);
  });
}

function toColumn({ reports, exit }: ClientVisit): ClientColumn {
  const marks = new Map<string, Set<string>>();
  for (const { row, name } of clientCases) {
    const seen = marks.get(row) ?? new Set();
    marks.set(row, seen.add(reports.get(name)?.mark ?? 'not run'));
  }
  const cells = [...marks].map(([row, seen]) => [row, toCell(seen)] as const);
  const end = exit === undefined ? '–' : exit === 0 ? 'yes' : 'no';
  return new Map([...cells, [endRow, end]]);
}

/** What is not as it should be, or as everywhere. */
function toCell(marks: ReadonlySet<string>): string {
  return [...marks].filter((mark) => mark !== 'yes').join('; ') || 'yes';
}
