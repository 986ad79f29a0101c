import { expect, it } from 'vitest';

import { Account } from './account.ts';
import type { Entry } from './account.ts';
import { check, describeViolation } from './checker.ts';
import { createEvent } from './events.ts';
import type { Accepted } from './journal.ts';

const stream = { topic: 'events', key: 'a' };
const owner = { client: 'client 1', transport: 'sse', stream, isOptedIn: true };

function token(sequence: number, epoch = 'one'): string {
  const body = Buffer.from(JSON.stringify([epoch, String(sequence), 0])).toString('base64url');
  return `1.key.${body}.mac`;
}

function event(sequence: number, epoch = 'one'): Entry {
  const content = createEvent({ ...stream, sequence, at: 0, padding: '' });
  return { kind: 'event', event: content, token: token(sequence, epoch) };
}

const start: Entry = { kind: 'start', token: token(0) };

function gap(reason: string, next: string): Entry {
  return { kind: 'gap', reason, token: next };
}

function dropped(from: number, until: number, events = until - from + 1): Entry {
  const missing = { from: token(from), until: token(until), events };
  return { kind: 'gap', reason: 'EVENTS_DROPPED', missing };
}

function accepted(events: number): Accepted[] {
  return Array.from({ length: events }, (_, i) => ({
    sequence: i + 1,
    position: { epoch: 'one', offset: String(i + 1) },
    attempts: 1,
  }));
}

/** What is wrong with an account of a stream of `events` events. */
function violations(events: number, ...entries: readonly Entry[]): string[] {
  const account = new Account(owner);
  for (const entry of [start, ...entries]) account.write(entry);
  return check(account, accepted(events)).violations.map(({ kind, events: n }) => `${kind} ${n}`);
}

it('finds nothing where everything came in order', () => {
  expect(violations(3, event(1), event(2), event(3))).toEqual([]);
  expect(violations(2, event(1), { kind: 'recovered' }, event(2))).toEqual([]);
});

it('finds events that are missing without a word', () => {
  expect(violations(4, event(1), event(4))).toEqual(['lost 2']);
});

it('finds events that are missing at the start and at the end', () => {
  expect(violations(4, event(2), event(3))).toEqual(['lost 1', 'lost 1']);
});

it('does not take a recovery for an announcement', () => {
  expect(violations(3, event(1), { kind: 'recovered' }, event(3))).toEqual(['lost 1']);
});

it('finds a gap that is announced after the next event', () => {
  const late = [event(1), event(3), gap('RESUME_GAP', token(3)), event(4)];
  expect(violations(4, ...late)).toEqual(['false-gap 1', 'lost 1']);
});

it('accepts a gap that is announced before the next event, or before nothing', () => {
  expect(violations(3, event(1), gap('RESUME_GAP', token(2)), event(3))).toEqual([]);
  expect(violations(3, event(1), gap('RESUME_GAP', token(3)))).toEqual([]);
});

it('finds events out of order', () => {
  expect(violations(3, event(1), event(3), event(2))).toEqual(['reordered 1']);
});

it('finds an event that comes although it was announced as missing', () => {
  const entries = [event(1), gap('RESUME_GAP', token(2)), event(3), event(2)];
  expect(violations(3, ...entries)).toEqual(['reordered 1']);
});

it('finds an event that comes twice', () => {
  expect(violations(2, event(1), event(2), event(2))).toEqual(['duplicate 1']);
});

it('tolerates an event that comes again because it was published again to a log of another epoch', () => {
  const account = new Account(owner);
  for (const each of [start, event(1), gap('RESUME_GAP', token(0, 'two')), event(1, 'two')]) {
    account.write(each);
  }
  const twice = { sequence: 1, position: { epoch: 'two', offset: '1' }, attempts: 2 };
  expect(check(account, [twice]).violations).toEqual([]);
  expect(check(account, accepted(1)).violations.map(({ kind }) => kind)).toContain('duplicate');
});

it('finds a gap in which nothing is missing', () => {
  const entries = [event(1), gap('RESUME_GAP', token(1)), event(2)];
  expect(violations(2, ...entries)).toEqual(['false-gap 1']);
  expect(violations(1, event(1), gap('RESUME_GAP', token(1)))).toEqual(['false-gap 1']);
});

it('tolerates it where the log has another epoch, or the token could not be read', () => {
  const account = new Account(owner);
  for (const each of [start, event(1), gap('RESUME_GAP', token(0, 'two')), event(2, 'two')]) {
    account.write(each);
  }
  const [first, second] = accepted(2) as [Accepted, Accepted];
  const moved = { ...second, position: { epoch: 'two', offset: '2' } };
  expect(check(account, [first, moved]).violations).toEqual([]);
  expect(violations(2, event(1), gap('RESUME_INVALID', token(1)), event(2))).toEqual([]);
});

it('compares what a queue says it dropped with what is missing', () => {
  expect(violations(4, event(1), dropped(2, 3), event(4))).toEqual([]);
  expect(violations(5, event(1), dropped(2, 2), dropped(3, 4), event(5))).toEqual([]);
  expect(violations(4, event(1), dropped(2, 3, 1), event(4))).toEqual(['miscounted 2']);
  expect(violations(4, event(1), dropped(3, 4), event(4))).toEqual(['miscounted 2']);
  expect(violations(2, event(1), dropped(1, 1), event(2))).toEqual(['false-gap 1']);
});

it('finds content that is not what was published', () => {
  const content = createEvent({ ...stream, sequence: 1, at: 0, padding: '' });
  const forged: Entry = { kind: 'event', event: { ...content, padding: 'x' }, token: token(1) };
  expect(violations(1, forged)).toEqual(['corrupt 1', 'lost 1']);
});

it('finds an event of another stream, and one that was never accepted', () => {
  const content = createEvent({ ...stream, key: 'b', sequence: 1, at: 0, padding: '' });
  expect(violations(0, { kind: 'event', event: content })).toEqual(['corrupt 1']);
  expect(violations(0, event(1))).toEqual(['corrupt 1']);
});

it('finds a token that says something else than where its event stands', () => {
  const entry = { ...event(1), token: token(7) };
  expect(violations(1, entry)).toEqual(['misplaced 1']);
});

it('finds an operation that failed, but for the want of its broker', () => {
  expect(violations(1, { kind: 'failed', code: 'INTERNAL_SERVER_ERROR' }, event(1))).toEqual([
    'failed 1',
  ]);
  expect(violations(1, { kind: 'failed', code: 'BROKER_UNAVAILABLE' }, event(1))).toEqual([]);
});

it('accepts that an operation ends that lost events and could not be told, before it goes on with a gap', () => {
  const entries: readonly Entry[] = [
    start,
    event(1),
    { kind: 'failed', code: 'EVENTS_LOST' },
    gap('RESUME_GAP', token(2)),
    event(3),
  ];
  const account = new Account({ ...owner, isOptedIn: false });
  for (const each of entries) account.write(each);

  expect(check(account, accepted(3)).violations).toEqual([]);
  expect(violations(3, ...entries)).toEqual(['failed 1']);
});

it('counts what happened', () => {
  const account = new Account(owner);
  for (const each of [start, event(1), { kind: 'recovered' } as const, dropped(2, 3), event(4)]) {
    account.write(each);
  }
  account.write({ kind: 'suppressed' });
  expect(check(account, accepted(4))).toMatchObject({
    delivered: 2,
    resumes: 1,
    gaps: 1,
    announcedMissing: 2,
    suppressed: 1,
    ends: 0,
  });
});

it('shows who saw a violation, and what stands around it', () => {
  const account = new Account(owner);
  for (const each of [start, event(1), event(3)]) account.write(each);
  const [violation] = check(account, accepted(3)).violations;

  expect(violation && describeViolation(account, violation))
    .toBe(`client 1 over sse, events/a: lost (1)
    expected #2, got #3
      0 start at one 0
      1 event events/a #1 at one 1
    > 2 event events/a #3 at one 3`);
});
