import { describe, expect, it, vi } from 'vitest';

import { PatchTranslator } from '../../../src/protocol/incremental/patch-translator.ts';
import type { IncrementalPayload } from '../../../src/protocol/incremental/payloads.ts';

const plan = { below: new Map(), fragments: [] };

/** An answer of which the second payload has `count` parts of each kind, all of them announced in it or complete with it. */
function answerOf(count: number): readonly IncrementalPayload[] {
  const indices = Array.from({ length: count }, (_, index) => index);
  return [
    {
      data: { list: [], owner: {} },
      pending: [
        { id: 'list', path: ['list'] },
        { id: 'owner', path: ['owner'] },
      ],
      hasNext: true,
    },
    {
      hasNext: true,
      pending: indices.flatMap((index) => [
        { id: `fragment ${index}`, path: ['list', index] },
        { id: `list ${index}`, path: ['list', index, 'below'] },
      ]),
      incremental: indices.flatMap((index) => [
        { id: 'list', items: [{ below: [] }] },
        { id: `fragment ${index}`, data: { name: 'N' } },
        // shared with a fragment that is complete only later
        { id: 'owner', data: { [`name ${index}`]: 'N' } },
        { id: `list ${index}`, items: [1, 2] },
      ]),
      completed: indices.flatMap((index) => [{ id: `list ${index}` }, { id: `fragment ${index}` }]),
    },
    { hasNext: false, completed: [{ id: 'list' }, { id: 'owner' }] },
  ];
}

/** How many look-ups and reads of members it takes to translate an answer. */
function workFor(count: number): number {
  let work = 0;
  const watch = <Value extends object>(value: Value): Value =>
    new Proxy(value, {
      get(target, name, receiver) {
        work += 1;
        const member: unknown = Reflect.get(target, name, receiver);
        return typeof member === 'object' && member !== null ? watch(member) : member;
      },
    });
  const lookUp = vi.spyOn(Map.prototype, 'get');
  const search = vi.spyOn(Array.prototype, 'includes').mockImplementation(function (
    this: readonly unknown[],
    item,
  ) {
    work += this.length;
    return this.indexOf(item) >= 0;
  });
  const payloads = answerOf(count).map(watch);
  try {
    const translator = new PatchTranslator(plan);
    for (const payload of payloads) translator.translate(payload);
    return work + lookUp.mock.calls.length;
  } finally {
    search.mockRestore();
    lookUp.mockRestore();
  }
}

describe('the translation of an answer', () => {
  it('takes work in proportion to what comes, also where all of it comes at once', () => {
    expect(workFor(400)).toBeLessThan(5 * workFor(100));
  });
});
