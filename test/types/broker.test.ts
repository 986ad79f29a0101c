import { Broadcaster } from 'millrace/broker';
import type { Source, Topic } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';
import { describe, expectTypeOf, it } from 'vitest';

interface Message {
  readonly room: string;
  readonly text: string;
}

const broker = createMemoryBroker();
const messages = broker.topic<Message>('messages');

/** Compiled and never called: each `@ts-expect-error` is the assertion. */
export async function wrongCallsDoNotCompile(): Promise<void> {
  // @ts-expect-error a member is missing
  await messages.publish({ room: 'a' });
  // @ts-expect-error a member has another type
  await messages.publish({ room: 'a', text: 1 });
  // @ts-expect-error a function gives another event
  await messages.publish(() => ({ room: 'a' }));
  // @ts-expect-error one of several events is another
  await messages.publishMany([{ room: 'a', text: 'b' }, { room: 'a' }]);
  // @ts-expect-error keys are strings
  await messages.publish({ room: 'a', text: 'b' }, { key: 1 });
  // @ts-expect-error keys are strings
  messages.source(1);
  // @ts-expect-error no such member
  messages.source().filter((message) => message.author === 'x');
  // @ts-expect-error no such member
  messages.source().map((message) => message.author);
  const texts = messages.source().map((message) => message.text);
  // @ts-expect-error a filter after a map gets what the map gives
  texts.filter((text) => text.room === 'a');
  // @ts-expect-error a snapshot gives events of the same type
  messages.source().startWith(() => [{ room: 'a' }]);
  // @ts-expect-error no such event
  new Broadcaster<Message>().publish('text');
  // @ts-expect-error no such member
  new Broadcaster<Message>().source((message) => message.author === 'x');
  // @ts-expect-error the identity cannot be changed
  messages.source().identity.key = 'other';
}

describe('types of topics and sources', () => {
  it('carry the event from the topic into the source', () => {
    expectTypeOf(messages).toEqualTypeOf<Topic<Message>>();
    expectTypeOf(messages.source()).toExtend<Source<Message>>();
  });

  it('follow a map, and await its promise', () => {
    expectTypeOf(messages.source().map((message) => message.text)).toExtend<Source<string>>();
    expectTypeOf(messages.source().map(async (message) => message.text.length)).toExtend<
      Source<number>
    >();
  });

  it('carry the event of a broadcaster into its source and filter', () => {
    expectTypeOf(new Broadcaster<Message>().source((message) => message.room)).toEqualTypeOf<
      Source<Message>
    >();
  });

  it('take an event that is computed at delivery', () => {
    expectTypeOf(async () => ({ room: 'a', text: 'b' })).toExtend<
      Parameters<typeof messages.publish>[0]
    >();
  });
});
