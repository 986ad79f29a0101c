import * as graphql17 from 'graphql';
import * as graphql16 from 'graphql-16';
import { createMemoryBroker } from 'millrace/broker/memory';
import { createReferenceEngine, subscriptionField } from 'millrace/server';
import { describe, expect, it } from 'vitest';

interface Message {
  readonly room: string;
  readonly text: string;
}

interface Context {
  readonly user: string;
}

const definitions = /* GraphQL */ `
  type Message {
    room: String
    text: String
  }
  type Query {
    noop: Int
  }
  type Subscription {
    message(room: String, not: String): Message
    shout(room: String): String
  }
`;

const query = 'subscription ($room: String) { message(room: $room) { text } }';
const shoutQuery = 'subscription { shout }';

function createApp(graphql: typeof graphql17) {
  const topic = createMemoryBroker().topic<Message>('messages');
  const schema = graphql.buildSchema(definitions);
  const fields = schema.getSubscriptionType()?.getFields();
  const attach = (name: 'message' | 'shout', functions: object) => {
    const field = fields?.[name];
    if (field === undefined) throw new Error(`no field ${name}`);
    Object.assign(field, functions);
  };
  return { topic, schema, attach };
}

/** What `graphql.subscribe` gives, once it turned out to be a stream. */
async function subscribePlainly(
  graphql: typeof graphql17,
  args: graphql17.ExecutionArgs,
): Promise<AsyncGenerator<graphql17.ExecutionResult, void, void>> {
  const stream = await graphql.subscribe(args);
  if (Symbol.asyncIterator in stream) return stream;
  throw new Error(JSON.stringify(stream));
}

const versions = [
  ['17', graphql17],
  // The types of graphql 16 differ in what these tests do not touch.
  ['16', graphql16 as unknown as typeof graphql17],
] as const;

async function startOnEngine(functions: object) {
  const app = createApp(graphql17);
  app.attach('message', functions);
  const engine = createReferenceEngine();
  const preparation = engine.prepare(app.schema, { query });
  if (preparation.kind === 'refused') throw new Error(preparation.errors[0]?.message);
  return engine.subscribe(preparation.prepared, { context: { user: 'ada' } });
}

function passUnlessBad(event: Message): boolean {
  if (event.text === 'bad') throw new Error('no opinion');
  return true;
}

function textOf(event: Message): string {
  return event.text;
}

function userOf(context: Context): string {
  return context.user;
}

describe.each(versions)('a subscription field under plain graphql %s', (_, graphql) => {
  it('delivers the events of the log that its key names, from the call on', async () => {
    const { topic, schema, attach } = createApp(graphql);
    attach(
      'message',
      subscriptionField({ topic, key: (args: { readonly room: string }) => args.room }),
    );
    await topic.publish({ room: 'a', text: 'too early' }, { key: 'a' });
    const stream = await subscribePlainly(graphql, {
      schema,
      document: graphql.parse(query),
      variableValues: { room: 'a' },
    });
    await topic.publish({ room: 'b', text: 'elsewhere' }, { key: 'b' });
    await topic.publish({ room: 'a', text: 'one' }, { key: 'a' });
    await topic.publish({ room: 'a', text: 'two' }, { key: 'a' });
    expect(await stream.next()).toEqual({
      done: false,
      value: { data: { message: { text: 'one' } } },
    });
    expect(await stream.next()).toMatchObject({ value: { data: { message: { text: 'two' } } } });
    await stream.return();
  });

  it('reads the log without a key by default', async () => {
    const { topic, schema, attach } = createApp(graphql);
    attach('message', subscriptionField({ topic }));
    const stream = await subscribePlainly(graphql, { schema, document: graphql.parse(query) });
    await topic.publish({ room: '', text: 'one' });
    expect(await stream.next()).toMatchObject({ value: { data: { message: { text: 'one' } } } });
    await stream.return();
  });

  it('keeps the events that its filter lets pass for arguments and context', async () => {
    const { topic, schema, attach } = createApp(graphql);
    attach(
      'message',
      subscriptionField({
        topic,
        filter: async (event, args: { readonly room: string }, context: Context) =>
          event.room === args.room && event.text !== context.user,
      }),
    );
    const stream = await subscribePlainly(graphql, {
      schema,
      document: graphql.parse(query),
      variableValues: { room: 'a' },
      contextValue: { user: 'ada' },
    });
    await topic.publish({ room: 'b', text: 'elsewhere' });
    await topic.publish({ room: 'a', text: 'ada' });
    await topic.publish({ room: 'a', text: 'bob' });
    expect(await stream.next()).toMatchObject({ value: { data: { message: { text: 'bob' } } } });
    await stream.return();
  });

  it('evaluates an event that is a function with the context, with and without resolve', async () => {
    const { topic, schema, attach } = createApp(graphql);
    attach('message', subscriptionField({ topic }));
    attach('shout', subscriptionField({ topic, resolve: async ({ text }) => text.toUpperCase() }));
    const contextValue = { user: 'ada' };
    const [message, shout] = await Promise.all(
      [query, shoutQuery].map((text) =>
        subscribePlainly(graphql, { schema, document: graphql.parse(text), contextValue }),
      ),
    );
    await topic.publish((context) => ({ room: '', text: (context as Context).user }));
    await topic.publish(async (context) => ({ room: '', text: `${(context as Context).user}!` }));
    const texts = [];
    for (let index = 0; index < 2; index += 1) {
      texts.push((await message?.next())?.value, (await shout?.next())?.value);
    }
    expect(texts).toEqual([
      { data: { message: { text: 'ada' } } },
      { data: { shout: 'ADA' } },
      { data: { message: { text: 'ada!' } } },
      { data: { shout: 'ADA!' } },
    ]);
    await Promise.all([message?.return(), shout?.return()]);
  });
});

describe('a subscription field under the engine', () => {
  it('delivers events as they are, and functions evaluated once with the context of the event', async () => {
    const { topic } = createApp(graphql17);
    const started = await startOnEngine(subscriptionField({ topic }));
    if (started.kind === 'refused') throw new Error(started.errors[0]?.message);
    expect(started).toMatchObject({ field: 'message', pace: 'live' });
    let calls = 0;
    const event = (context: Context) => {
      calls += 1;
      return { room: '', text: context.user };
    };
    expect(await started.execute({ text: 'plain' })).toEqual({
      data: { message: { text: 'plain' } },
    });
    expect(await started.execute(event, { user: 'bob' })).toEqual({
      data: { message: { text: 'bob' } },
    });
    expect(calls).toBe(1);
    await started.source.close();
  });

  it('fails one event whose filter throws, and goes on', async () => {
    const { topic } = createApp(graphql17);
    const started = await startOnEngine(subscriptionField({ topic, filter: passUnlessBad }));
    if (started.kind === 'refused') throw new Error(started.errors[0]?.message);
    await topic.publishMany([
      { room: '', text: 'bad' },
      { room: '', text: 'good' },
    ]);
    expect(await started.source.read()).toMatchObject({
      kind: 'event-error',
      error: { message: 'no opinion' },
    });
    expect(await started.source.read()).toMatchObject({ kind: 'event', event: { text: 'good' } });
    await started.source.close();
  });

  it('fails an event that is a function where a filter would have to judge it', async () => {
    const { topic } = createApp(graphql17);
    const started = await startOnEngine(subscriptionField({ topic, filter: () => true }));
    if (started.kind === 'refused') throw new Error(started.errors[0]?.message);
    await topic.publish(() => ({ room: '', text: 'late' }));
    expect(await started.source.read()).toMatchObject({ kind: 'event-error' });
    await started.source.close();
  });

  it('is refused when its key throws, or is no string', async () => {
    const { topic } = createApp(graphql17);
    const keys = [
      () => {
        throw new Error('no key');
      },
      () => 7 as unknown as string,
    ];
    for (const key of keys) {
      expect(await startOnEngine(subscriptionField({ topic, key }))).toMatchObject({
        kind: 'refused',
        code: 'SUBSCRIBE_FAILED',
        errors: [{ path: ['message'] }],
      });
    }
  });
});

describe('the parts of a subscription field', () => {
  const { topic } = createApp(graphql17);

  it('are subscribe and resolve', () => {
    expect(Object.keys(subscriptionField({ topic }))).toEqual(['subscribe', 'resolve']);
  });

  it('have one resolve function in common where the event is the answer', () => {
    expect(subscriptionField({ topic }).resolve).toBe(subscriptionField({ topic }).resolve);
    expect(subscriptionField({ topic, resolve: textOf }).resolve).not.toBe(
      subscriptionField({ topic }).resolve,
    );
  });

  it('carry the audience in the extensions of the field', () => {
    expect(subscriptionField({ topic, audience: userOf }).extensions).toEqual({
      millrace: { audience: userOf },
    });
  });

  it('keep the identity of the source, so that subscribers share it', () => {
    const field = subscriptionField({ topic, filter: () => true });
    const [one, two] = [1, 2].map(() => field.subscribe(undefined, {}, {}));
    expect(one?.identity).toEqual(two?.identity);
  });
});
