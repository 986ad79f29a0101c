import { describe, expect, it } from 'vitest';

import { chooseMediaType, parseAccept } from '../../src/server/media-type.ts';

const json = { mediaType: 'application/json' } as const;
const graphql = { mediaType: 'application/graphql-response+json' } as const;
const eventStream = { mediaType: 'text/event-stream' } as const;
const offers = [{ ...graphql, hasToBeNamed: true }, json, eventStream, graphql];

describe('the media type that a client likes best', () => {
  it.each([
    ['the only one that it names', 'application/json', 'application/json'],
    ['whatever the case of its letters', 'Application/JSON', 'application/json'],
    ['whatever its parameters', 'application/json; charset=utf-8', 'application/json'],
    [
      'the one of the highest weight',
      'application/json;q=0.5, text/event-stream',
      'text/event-stream',
    ],
    ['whatever the order', 'text/event-stream;q=0.5, application/json', 'application/json'],
    [
      'with spaces around the weight',
      'application/json ; q=0.1 , text/event-stream ; Q=0.2',
      'text/event-stream',
    ],
    ['the first offer among equals', 'text/event-stream, application/json', 'application/json'],
    ['the first offer among equals by wildcard', 'text/event-stream, */*', 'application/json'],
    ['by a wildcard for the subtype', 'text/*', 'text/event-stream'],
    [
      'not what is excluded by name',
      'application/json;q=0, application/*',
      'application/graphql-response+json',
    ],
    [
      'not what is excluded by name, at a lower weight',
      '*/*;q=0.1, application/json;q=0, text/*;q=0',
      'application/graphql-response+json',
    ],
    [
      'by the most specific range',
      '*/*, application/*;q=0.2, application/json;q=0.1',
      'text/event-stream',
    ],
    [
      'by the best of two ranges that are equally specific',
      'application/json;q=0.1, application/json;profile=a, text/event-stream;q=0.5',
      'application/json',
    ],
    [
      'one that has to be named, if it is',
      'application/graphql-response+json, application/json',
      'application/graphql-response+json',
    ],
    ['not one that has to be named, by wildcard', '*/*', 'application/json'],
    [
      'not one that has to be named, by wildcard for the subtype',
      'application/*',
      'application/json',
    ],
    ['anything without a header', undefined, 'application/json'],
    ['anything with an empty header', ' ', 'application/json'],
    ['what follows an empty member', ', application/json', 'application/json'],
    ['what stands beside nonsense', 'nonsense, application/json;q=0.1', 'application/json'],
    [
      'a weight that is no number counts as 1',
      'application/json;q=high, text/event-stream;q=0.9',
      'application/json',
    ],
    [
      'a weight without a value counts as 1',
      'application/json;q, text/event-stream;q=0.9',
      'application/json',
    ],
    ['a weight above 1 counts as 1', 'application/json;q=7, text/event-stream', 'application/json'],
  ])('is %s', (_why, accept, expected) => {
    expect(chooseMediaType(accept, offers)).toBe(expected);
  });

  it.each([
    ['it names others', 'text/html'],
    ['it excludes everything', '*/*;q=0'],
    ['it excludes ours', 'application/*;q=0, text/event-stream;q=0, text/html'],
    ['it names nothing that can be read', 'nonsense'],
  ])('is none if %s', (_why, accept) => {
    expect(chooseMediaType(accept, offers)).toBeUndefined();
  });
});

describe('an Accept header', () => {
  it('keeps the parameters of its ranges, but not the weight', () => {
    expect(parseAccept('multipart/mixed;Boundary="a,b;\\"c";subscriptionSpec=1.0;q=0.5')).toEqual([
      {
        mediaType: 'multipart/mixed',
        parameters: new Map([
          ['boundary', 'a,b;"c'],
          ['subscriptionspec', '1.0'],
        ]),
        weight: 0.5,
      },
    ]);
  });

  it('takes time in proportion to its length', () => {
    const hostile = `${'"\\'.repeat(50_000)},${';q='.repeat(50_000)}${' '.repeat(50_000)}x`;

    expect(parseAccept(hostile)).toEqual([]);
  });
});
