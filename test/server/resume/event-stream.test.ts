import { describe, expect, it } from 'vitest';

import { EventStreamParser } from '../../../src/protocol/sse/event-stream-parser.ts';
import type { Conversation } from '../../support/conversation.ts';
import { converse } from '../../support/conversation.ts';
import type { MemoryRequest } from '../../support/memory-stream.ts';
import { MemoryStream } from '../../support/memory-stream.ts';

const query = 'subscription { message(room: "r") { text } }';

interface Connected {
  readonly stream: MemoryStream;
  /** What an `EventSource` has dispatched so far. */
  readonly texts: () => readonly unknown[];
  /** What the events named `resume` say. */
  readonly reports: () => readonly unknown[];
  /** What it would send when it reconnects. */
  readonly lastEventId: () => string;
}

async function connect(
  { server, clock }: Conversation,
  request: MemoryRequest = {},
): Promise<Connected> {
  const stream = new MemoryStream(server, {
    method: 'GET',
    url: `/graphql?${String(new URLSearchParams({ query }))}`,
    ...request,
    headers: { accept: 'text/event-stream', ...request.headers },
  });
  await clock.settle();
  const parse = () => {
    const parser = new EventStreamParser();
    const events = parser.push(new TextEncoder().encode(stream.text));
    return { events, lastEventId: parser.lastEventId };
  };
  const eventsNamed = (name: string): readonly string[] =>
    parse().events.flatMap(({ event, data }) => (event === name ? [data] : []));
  return {
    stream,
    texts: () => eventsNamed('next').map((data) => JSON.parse(data).data.message.text),
    reports: () => eventsNamed('resume').map((data) => JSON.parse(data)),
    lastEventId: () => parse().lastEventId,
  };
}

async function publish({ app, clock }: Conversation, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await app.publish('r', text);
  await clock.settle();
}

describe('an event stream that is opened again', () => {
  it.each([
    ['the header of an EventSource', (id: string) => ({ headers: { 'last-event-id': id } })],
    [
      'a parameter',
      (id: string) => ({
        url: `/graphql?${String(new URLSearchParams({ query, lastEventId: id }))}`,
      }),
    ],
  ])('with %s goes on behind the last event that was read', async (_way, toRequest) => {
    const conversation = converse({ protocols: ['sse'] });
    const first = await connect(conversation);
    await publish(conversation, 'one');
    first.stream.leave();
    await publish(conversation, 'two', 'three');

    const second = await connect(conversation, toRequest(first.lastEventId()));
    await publish(conversation, 'four');

    expect(first.texts()).toEqual(['one']);
    expect(second.texts()).toEqual(['two', 'three', 'four']);
    expect([first.reports(), second.reports()]).toEqual([[], [{ recovered: true }]]);
  });

  it('goes on where it was opened if it brought no event', async () => {
    const conversation = converse({ protocols: ['sse'] });
    const first = await connect(conversation);
    first.stream.leave();
    await publish(conversation, 'one');

    const second = await connect(conversation, {
      headers: { 'last-event-id': first.lastEventId() },
    });

    expect(first.lastEventId()).not.toBe('');
    expect(second.texts()).toEqual(['one']);
  });

  it('begins now if its id says nothing to this server', async () => {
    const conversation = converse({ protocols: ['sse'] });
    await publish(conversation, 'one');

    const stream = await connect(conversation, { headers: { 'last-event-id': 'of-another' } });
    await publish(conversation, 'two');

    expect(stream.texts()).toEqual(['two']);
    expect(stream.reports()).toEqual([{ recovered: false, reason: 'RESUME_INVALID' }]);
  });

  it('has no ids where resuming is turned off, nor over multipart', async () => {
    const off = converse({ protocols: ['sse'], resume: false });
    const plain = await connect(off);
    await publish(off, 'one');
    const both = converse({ protocols: ['multipart'] });
    const parts = new MemoryStream(both.server, {
      headers: { accept: 'multipart/mixed;subscriptionSpec=1.0' },
      body: { query },
    });
    await both.clock.settle();
    await publish(both, 'one');

    expect(plain.stream.text).not.toContain('id:');
    expect(parts.text).toContain('"one"');
    expect(parts.text).not.toMatch(/id:|resume/);
  });
});
