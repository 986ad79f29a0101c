import { buildSchema } from 'graphql';
import { createServer, refuse } from 'millrace/server';
import { expect, expectTypeOf, it } from 'vitest';

const schema = buildSchema('type Query { hello: String }');

it('the session that the connect hook returns is what the other hooks and the context get', () => {
  const server = createServer({
    schema,
    onConnect: ({ connectionParams }) =>
      typeof connectionParams['token'] === 'string'
        ? { user: connectionParams['token'] }
        : refuse({ reason: 'no token' }),
    context: ({ session }) => {
      expectTypeOf(session.user).toEqualTypeOf<string>();
      // @ts-expect-error -- a session has what the hook gave it
      void session.tenant;
      return { viewer: session.user };
    },
    principal: (session) => {
      expectTypeOf(session.user).toEqualTypeOf<string>();
      return session.user;
    },
    eventContext: (context) => {
      expectTypeOf(context.viewer).toEqualTypeOf<string>();
      return { viewer: context.viewer };
    },
    onDisconnect: ({ session, code }) => {
      expectTypeOf(session.user).toEqualTypeOf<string>();
      expectTypeOf(code).toEqualTypeOf<number>();
    },
  });

  expect(server.gauges().connections).toBe(0);
});

it('an async connect hook with an acknowledgement payload types the session too', () => {
  const server = createServer({
    schema,
    onConnect: async () => Promise.resolve({ tenant: 7, ackPayload: { region: 'eu' } }),
    context: ({ session }) => {
      expectTypeOf(session.tenant).toEqualTypeOf<number>();
      return {};
    },
  });

  expect(server.gauges().connections).toBe(0);
});

it('options that do not exist do not compile, and protocols that do not exist do not run', () => {
  // @ts-expect-error -- a misspelt option
  expect(createServer({ schema, limit: {} }).gauges().connections).toBe(0);
  // @ts-expect-error -- the token is not the protocol
  expect(() => createServer({ schema, protocols: ['graphql-ws'] })).toThrow(
    'unknown protocol "graphql-ws"; known: graphql-transport-ws, subscriptions-transport-ws',
  );
});

it('a schema that is invalid is refused at once', () => {
  expect(() => createServer({ schema: buildSchema('type NotQuery { a: Int }') })).toThrow(
    /Query root type/,
  );
});

it('revoking has the session of the hook where a function stays in the process, and takes none elsewhere', () => {
  const server = createServer({
    schema,
    onConnect: () => ({ user: 'ada', expiresAt: new Date() }),
    principal: ({ user }) => user,
  });
  const wrongCallsDoNotCompile = async (): Promise<void> => {
    // @ts-expect-error -- a function cannot leave its process
    await server.revoke((session: { readonly user: string }) => session.user === 'ada');
    // @ts-expect-error -- a principal is a string
    await server.revoke({ principal: 7 });
    // @ts-expect-error -- a session has what the hook gave it
    server.revokeHere((session) => session.tenant === 7);
  };

  expect(
    server.revokeHere((session) => {
      expectTypeOf(session.user).toEqualTypeOf<string>();
      return session.user === 'ada';
    }),
  ).toBe(0);
  expect(wrongCallsDoNotCompile).toBeTypeOf('function');
});
