import type { EventFunction } from 'millrace/broker';
import { createMemoryBroker } from 'millrace/broker/memory';
import type { AcceptedSocket, EffectiveLimits, Server, SubscriptionField } from 'millrace/server';
import { subscriptionField } from 'millrace/server';
import { describe, expect, expectTypeOf, it } from 'vitest';

interface Message {
  readonly room: string;
  readonly text: string;
}

interface Context {
  readonly user: string;
}

interface RoomArgs {
  readonly room: string;
}

const topic = createMemoryBroker().topic<Message>('messages');

describe('the types of a subscription field', () => {
  it('come from the topic where nothing else is said', () => {
    const field = subscriptionField({ topic });
    expectTypeOf(field.resolve).parameter(0).toEqualTypeOf<Message>();
    expectTypeOf(field.resolve).returns.toEqualTypeOf<Message | Promise<Message>>();
  });

  it('have names that programs which emit declarations can refer to', () => {
    const field = subscriptionField({ topic });
    expectTypeOf(field).toEqualTypeOf<SubscriptionField<Message, unknown, unknown, Message>>();
    expectTypeOf<Server['limits']>().toEqualTypeOf<EffectiveLimits>();
    expectTypeOf<Server['open']>().parameter(1).toEqualTypeOf<Omit<AcceptedSocket, 'onGone'>>();
  });

  it('take arguments and context from the annotations', () => {
    const field = subscriptionField({
      topic,
      key: (args: RoomArgs) => args.room,
      filter: (event, args, context: Context) => event.room === args.room && context.user !== '',
      resolve: (event, args, context) => [event.text, args.room, context.user].length,
    });
    expectTypeOf(field.subscribe).parameter(1).toEqualTypeOf<RoomArgs>();
    expectTypeOf(field.subscribe).parameter(2).toEqualTypeOf<Context>();
    expectTypeOf(field.resolve).returns.toEqualTypeOf<number | Promise<number>>();
  });

  it('carry the event into filter and resolve', () => {
    subscriptionField({
      topic,
      filter: (event) => {
        expectTypeOf(event).toEqualTypeOf<Message>();
        return true;
      },
      resolve: (event) => {
        expectTypeOf(event).toEqualTypeOf<Message>();
        return event.text;
      },
    });
  });

  it('let an asynchronous resolve and filter pass', () => {
    const field = subscriptionField({
      topic,
      filter: async (event) => event.text !== '',
      resolve: async (event) => event.text,
    });
    expectTypeOf(field.resolve).returns.toEqualTypeOf<Promise<string>>();
  });

  it('refuse a payload that is not of the topic', () => {
    expectTypeOf<Parameters<typeof topic.publish>[0]>().toEqualTypeOf<
      Message | EventFunction<Message>
    >();
    // @ts-expect-error -- `text` is missing
    void topic.publish({ room: 'a' });
    // @ts-expect-error -- a function has to give a payload, too
    void topic.publish(() => ({ room: 'a' }));
  });

  it('refuse a key that is no string', () => {
    const fields = [
      // @ts-expect-error -- a number
      subscriptionField({ topic, key: (args: { readonly room: number }) => args.room }),
      // @ts-expect-error -- perhaps undefined
      subscriptionField({ topic, key: (args: Partial<RoomArgs>) => args.room }),
    ];
    expect(fields).toHaveLength(2);
  });

  it('refuse a filter or resolve for other events', () => {
    const fields = [
      // @ts-expect-error -- events of the topic are no numbers
      subscriptionField({ topic, filter: (event: number) => event > 1 }),
      // @ts-expect-error -- events of the topic have no `id`
      subscriptionField({ topic, resolve: (event: { readonly id: string }) => event.id }),
      // @ts-expect-error -- nor does the compiler let it be read
      subscriptionField({ topic, resolve: (event) => event.id }),
    ];
    expect(fields).toHaveLength(3);
  });

  it('refuse a filter that gives no verdict', () => {
    // @ts-expect-error -- a string
    const field = subscriptionField({ topic, filter: (event) => event.text });
    expect(field).toBeDefined();
  });

  it('refuse arguments or contexts that contradict each other', () => {
    const fields = [
      subscriptionField({
        topic,
        key: (args: RoomArgs) => args.room,
        // @ts-expect-error -- `room` is a string for `key`
        filter: (_event, args: { readonly room: number }) => args.room > 1,
      }),
      subscriptionField({
        topic,
        filter: (_event, _args, context: Context) => context.user !== '',
        // @ts-expect-error -- the context has no `session`
        audience: (context: { readonly session: string }) => context.session,
      }),
    ];
    expect(fields).toHaveLength(2);
  });
});
