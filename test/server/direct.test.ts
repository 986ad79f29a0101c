import { GraphQLObjectType, GraphQLScalarType, GraphQLSchema, GraphQLString } from 'graphql';
import { describe, expect, it } from 'vitest';

import { converse } from '../support/conversation.ts';

const refuses = (): never => {
  throw new TypeError('secret');
};
const masked = (code: string) => ({
  errors: [{ message: 'Internal server error', extensions: { code } }],
});

describe('server.execute', () => {
  it('answers queries and mutations without a transport', async () => {
    const { server } = converse();

    expect(await server.execute({ query: '{ hello }' })).toEqual({ data: { hello: 'world' } });
    expect(await server.execute({ query: 'mutation { post(room: "a", text: "x") }' })).toEqual({
      data: { post: true },
    });
  });

  it('binds variables and selects operations', async () => {
    const { server } = converse();

    const result = await server.execute({
      query: 'query A { hello } query B($n: Int!) { double(n: $n) }',
      operationName: 'B',
      variables: { n: 21 },
    });

    expect(result).toEqual({ data: { double: 42 } });
  });

  it('returns request errors as a value, and masks what leaks', async () => {
    const { server, hidden } = converse();

    expect(await server.execute({ query: '{ nope }' })).toMatchObject({
      errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    });
    expect(await server.execute({ query: '{ leaks }' })).toEqual({
      data: { leaks: null },
      errors: [
        {
          message: 'Internal server error',
          locations: [{ line: 1, column: 3 }],
          path: ['leaks'],
          extensions: { code: 'INTERNAL_SERVER_ERROR' },
        },
      ],
    });
    expect(hidden).toEqual(['resolver: password is hunter2']);
  });

  it('says whose fault it was also where the message is masked', async () => {
    const Day = new GraphQLScalarType({
      name: 'Day',
      parseValue: refuses,
      parseLiteral: refuses,
    });
    const field = { type: GraphQLString, args: { day: { type: Day } } };
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: { on: field } }),
      subscription: new GraphQLObjectType({ name: 'Subscription', fields: { on: field } }),
    });
    const { server } = converse({ schema });
    const variables = { day: 'x' };

    expect(await server.execute({ query: '{ on(day: "x") }' })).toMatchObject(
      masked('GRAPHQL_VALIDATION_FAILED'),
    );
    expect(
      await server.execute({ query: 'query ($day: Day) { on(day: $day) }', variables }),
    ).toMatchObject(masked('BAD_USER_INPUT'));
    expect(
      await server.subscribe({ query: 'subscription ($day: Day) { on(day: $day) }', variables }),
    ).toMatchObject(masked('BAD_USER_INPUT'));
  });

  it('shows everything with maskErrors: false', async () => {
    const { server } = converse({ maskErrors: false });

    expect(await server.execute({ query: '{ leaks }' })).toMatchObject({
      errors: [{ message: 'password is hunter2' }],
    });
  });

  it('refuses a subscription', async () => {
    const { server } = converse();

    expect(await server.execute({ query: 'subscription { flaky }' })).toEqual({
      errors: [
        { message: 'use subscribe() for subscriptions', extensions: { code: 'BAD_REQUEST' } },
      ],
    });
  });

  it('takes the context it is given', async () => {
    const { server } = converse({
      context: () => {
        throw new Error('not asked');
      },
    });

    expect(await server.execute({ query: '{ hello }' }, { context: {} })).toEqual({
      data: { hello: 'world' },
    });
    expect(await server.execute({ query: '{ hello }' })).toMatchObject({
      errors: [{ message: 'Internal server error' }],
    });
  });
});

describe('server.subscribe', () => {
  it('gives a source and the function that executes its events', async () => {
    const { server, app } = converse();

    const started = await server.subscribe({
      query: 'subscription { message(room: "a") { shout } }',
    });
    if (started.kind === 'refused') throw new Error('refused');
    await app.publish('a', 'x');
    await app.publish('a', 'bad');

    const results = [];
    for await (const event of started.source) {
      results.push(await started.execute(event));
      if (results.length === 2) break;
    }
    expect(started.field).toBe('message');
    expect(results).toMatchObject([
      { data: { message: { shout: 'X' } } },
      { data: { message: null }, errors: [{ message: 'cannot shout this' }] },
    ]);
    expect(app.openSources()).toBe(0);
  });

  it.each([
    ['{ hello }', 'BAD_REQUEST'],
    ['subscription { nope }', 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription {', 'GRAPHQL_PARSE_FAILED'],
    ['subscription { notAStream }', 'SUBSCRIBE_FAILED'],
  ])('refuses %s with %s', async (query, code) => {
    const { server } = converse();

    expect(await server.subscribe({ query })).toMatchObject({
      kind: 'refused',
      errors: [{ extensions: { code } }],
    });
  });

  it('gives each event a context of its own that inherits from the operation', async () => {
    const seen: object[] = [];
    const { server, app } = converse({
      eventContext: (context) => {
        const own = Object.create(context as object) as object;
        seen.push(own);
        return own;
      },
    });
    const context = { user: 'ada' };

    const started = await server.subscribe(
      { query: 'subscription { message(room: "a") { text } }' },
      { context },
    );
    if (started.kind === 'refused') throw new Error('refused');
    await started.execute({ text: '1' });
    await started.execute({ text: '2' });
    await started.source.close();

    expect(seen).toHaveLength(2);
    expect(seen[0]).not.toBe(seen[1]);
    expect(seen.map((own) => Object.getPrototypeOf(own))).toEqual([context, context]);
    expect(app.openSources()).toBe(0);
  });

  it('an eventContext that throws fails that event alone', async () => {
    const { server } = converse({
      eventContext: () => {
        throw new Error('loader is down');
      },
    });

    const started = await server.subscribe({
      query: 'subscription { message(room: "a") { text } }',
    });
    if (started.kind === 'refused') throw new Error('refused');

    expect(await started.execute({ text: '1' })).toMatchObject({
      data: { message: null },
      errors: [{ message: 'Internal server error', path: ['message'] }],
    });
    await started.source.close();
  });
});
