import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isPrefix, messageIdOf, subjectOf } from '../../src/broker/nats/subjects.ts';

/** Halves of surrogate pairs, characters that mean something in subjects, and long texts among them. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('.', '*', '>', '%', ' ', 'h', 'u', '2', '\uD800', '\n'))
    .map((all) => all.join('')),
  fc.nat(1_000).map((length) => 'x'.repeat(length)),
);

/** What a server takes: three parts, none of which is empty or a wildcard. */
const legal = /^p\.[^\s.*>]+\.[^\s.*>]+$/;

describe('subjects', () => {
  it.each([
    ['messages', 'lobby', 'p.messages.lobby'],
    ['messages', '', 'p.messages.%'],
    ['a.b', 'c d', 'p.a%2Eb.c%20d'],
    ['50%', '*>', 'p.50%25.%2A%3E'],
    ['é', '\uD800', 'p.%C3%A9.%uD800'],
    ['user:1', 'a/b@c', 'p.user:1.a/b@c'],
  ])('of topic %j and key %j is %s', (topic, key, subject) => {
    expect(subjectOf('p', topic, key)).toBe(subject);
  });

  it('hold a hash in place of what is longer than 200 bytes', () => {
    const hash = '84a0678c90937f5dcf9994d5866668da6b995109c8ad845410559b48a4ecafed';
    const [most, more] = ['x'.repeat(200), 'x'.repeat(201)];

    expect(subjectOf('p', most, more)).toBe(`p.${most}.%h${hash}`);
  });

  it('are what servers take, however topics and keys are spelled', () => {
    fc.assert(
      fc.property(text, text, (topic, key) => {
        const subject = subjectOf('p', topic, key);

        expect(subject).toMatch(legal);
        expect(subject.length).toBeLessThan(500);
      }),
    );
  });

  it('are different for different logs', () => {
    fc.assert(
      fc.property(text, text, text, text, (topic, key, otherTopic, otherKey) => {
        const isSame = subjectOf('p', topic, key) === subjectOf('p', otherTopic, otherKey);

        expect(isSame).toBe(topic === otherTopic && key === otherKey);
      }),
    );
  });

  it('name publications, of whatever log and id', () => {
    fc.assert(
      fc.property(text, text, (id, otherId) => {
        const subject = subjectOf('p', 'topic', 'key');
        const isSame = messageIdOf(subject, id) === messageIdOf(subject, otherId);

        expect(isSame).toBe(id === otherId);
        expect(messageIdOf(subject, id)).toMatch(/^[\x21-\x7E]+$/);
      }),
    );
  });
});

describe('a prefix', () => {
  it.each(['millrace', 'a', 'my_app-2'])('may be %j', (prefix) => {
    expect(isPrefix(prefix)).toBe(true);
  });

  it.each(['', 'a.b', 'a b', 'a*', 'x'.repeat(33)])('may not be %j', (prefix) => {
    expect(isPrefix(prefix)).toBe(false);
  });
});
