import * as graphql17 from 'graphql';
import * as graphql16 from 'graphql-16';
import { createMemoryBroker } from 'millrace/broker/memory';
import { describe, expect, it } from 'vitest';

interface Message {
  readonly text: string;
}

describe('a topic source as the answer of a subscribe resolver', () => {
  it.each([
    // Both versions have the functions that are called here, with the same parameters.
    ['graphql 16', graphql16 as unknown as typeof graphql17],
    ['graphql 17', graphql17],
  ])('works with the subscribe function of %s, and is left with it', async (_, graphql) => {
    const broker = createMemoryBroker();
    const messages = broker.topic<Message>('messages');
    const schema = graphql.buildSchema(
      'type Query { a: Int } type Subscription { text(room: String!): String }',
    );
    const stream = await graphql.subscribe({
      schema,
      document: graphql.parse('subscription { text(room: "a") }'),
      rootValue: {
        text: ({ room }: { readonly room: string }) =>
          messages
            .source(room)
            .filter((message) => message.text !== 'secret')
            .map((message) => ({ text: message.text })),
      },
    });
    if (!(Symbol.asyncIterator in stream)) throw new Error('refused');

    await messages.publish({ text: 'one' }, { key: 'a' });
    await messages.publish({ text: 'secret' }, { key: 'a' });
    await messages.publish({ text: 'elsewhere' }, { key: 'b' });
    await messages.publish({ text: 'two' }, { key: 'a' });
    const results = [await stream.next(), await stream.next()];
    await stream.return(undefined);

    expect(results.map((result) => result.value?.data?.['text'])).toEqual(['one', 'two']);
    expect(broker.readerCount).toBe(0);
  });
});
