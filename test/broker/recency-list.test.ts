import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { RecencyList, RecencyNode } from '../../src/broker/recency-list.ts';

describe('RecencyList', () => {
  it('is empty at first', () => {
    const list = new RecencyList<string>();

    expect([list.size, list.oldest]).toEqual([0, undefined]);
  });

  it('leaves an item alone that is in another list', () => {
    const [first, second] = [new RecencyList<string>(), new RecencyList<string>()];
    const node = new RecencyNode('a');
    first.touch(node);

    second.remove(node);

    expect([first.size, first.oldest]).toEqual([1, 'a']);
  });

  it('keeps the order of an array to whose end touched items are moved', () => {
    const action = fc.record({ kind: fc.constantFrom('touch', 'remove'), item: fc.nat(6) });
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const list = new RecencyList<number>();
        const nodes = Array.from({ length: 7 }, (_, item) => new RecencyNode(item));
        let model: number[] = [];
        for (const { kind, item } of actions) {
          const node = nodes[item];
          if (node === undefined) continue;
          model = model.filter((other) => other !== item);
          if (kind === 'touch') model.push(item);
          if (kind === 'touch') list.touch(node);
          else list.remove(node);
          expect([list.size, list.oldest]).toEqual([model.length, model[0]]);
        }
        for (const item of model) {
          expect(list.oldest).toBe(item);
          list.remove(nodes[item] ?? new RecencyNode(-1));
        }
        expect(list.size).toBe(0);
      }),
    );
  });
});
