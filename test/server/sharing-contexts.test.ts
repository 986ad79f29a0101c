import { defaultFieldResolver } from 'graphql';
import { pure, subscriptionField } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { subscribe } from '../support/conversation.ts';
import type { MemoryClient } from '../support/memory-client.ts';
import { Gate, heard, heardBy, serveSharing } from '../support/sharing-server.ts';
import type { Post, SharingServer, SharingServerOptions } from '../support/sharing-server.ts';

interface Context {
  readonly user: string;
}

const users = ['ada', 'bob', 'cyd'] as const;
const ownerQuery = 'subscription { message { text owner } }';
const owned = (owner: unknown, text: unknown = 'one') => ({ message: { text, owner } });
/** Each got what was made for it. */
const eachItsOwn = users.map((user) => [owned(user)]);

interface UserServer extends SharingServer {
  /** The users in whose context anything was called, in order; `nobody` where the context is no user's. */
  readonly seen: string[];
  /** Takes what a function of the application is given. */
  readonly userOf: (context: unknown) => string;
  readonly listeners: (query?: string) => Promise<readonly MemoryClient[]>;
}

/** A server where each connection is another user's, and each context remembers that it was looked into. */
function serveUsers(
  more: SharingServerOptions | ((seer: Pick<UserServer, 'userOf'>) => SharingServerOptions) = {},
): UserServer {
  const seen: string[] = [];
  const userOf = (context: unknown): string => {
    const { user = 'nobody' } = context as Partial<Context>; // of ours, or of an audience
    seen.push(user);
    return user;
  };
  const { fields, options, broker } = typeof more === 'function' ? more({ userOf }) : more;
  const server = serveSharing({
    ...(fields && { fields }),
    ...(broker && { broker }),
    options: { context: ({ request }) => ({ user: request.headers['user'] }), ...options },
  });
  return {
    ...server,
    seen,
    userOf,
    async listeners(query = ownerQuery) {
      const clients: MemoryClient[] = [];
      for (const user of users) {
        const client = await server.ready({ headers: { user } });
        subscribe(client, '1', query);
        clients.push(client);
      }
      await server.clock.settle();
      return clients;
    },
  };
}

type Publish = (server: UserServer) => unknown;
const ownProperty: Publish = ({ topic, userOf }) =>
  topic.publish({ text: 'one', owner: (_args: object, context: unknown) => userOf(context) });

const rename = (post: Post) => ({ text: 'mapped', owner: post['name'] });

/** Tells what an earlier event left in its context. */
const remember = (_post: unknown, _args: unknown, context: { loaded?: unknown }): unknown => {
  const before = context.loaded ?? 'nothing';
  context.loaded = 'something';
  return before;
};

describe('an event that would see a context is executed for each subscriber with its own:', () => {
  it.each<readonly [string, Publish, number]>([
    [
      'a function',
      ({ topic, userOf }) => topic.publish((context) => ({ text: 'one', owner: userOf(context) })),
      0,
    ],
    [
      'a function that takes its time',
      ({ topic, userOf }) =>
        topic.publish(async (context) => {
          await Promise.resolve();
          return { text: 'one', owner: userOf(context) };
        }),
      0,
    ],
    ['a property that is a function', ownProperty, 1],
    [
      'a getter that gives a function',
      ({ topic, userOf }) =>
        topic.publish({
          text: 'one',
          get owner() {
            return (_args: object, context: unknown) => userOf(context);
          },
        }),
      1,
    ],
    [
      'a method of a class',
      ({ topic, userOf }) => {
        class Message {
          readonly text = 'one';
          owner(_args: object, context: unknown): string {
            return userOf(context);
          }
        }
        return topic.publish(new Message() as unknown as Post); // an event may be anything
      },
      1,
    ],
    [
      'a property of what a property promises',
      ({ topic, userOf }) =>
        topic.publish(
          Promise.resolve({
            text: 'one',
            owner: (_args: object, context: unknown) => userOf(context),
          }) as unknown as Post, // an event may be anything
        ),
      1,
    ],
  ])('%s', async (_kind, publish, attempts) => {
    const server = serveUsers();
    const clients = await server.listeners();

    await publish(server);

    expect(await heardBy(clients)).toEqual(eachItsOwn);
    expect(server.seen.toSorted()).toEqual(users);
    expect(server.executions()).toEqual([attempts, users.length]);
  });

  it('a property deep inside a list', async () => {
    const { topic, userOf, listeners, executions } = serveUsers();
    const clients = await listeners('subscription { message { replies { replies { owner } } } }');
    const reply = { owner: (_args: object, context: unknown) => userOf(context) };

    await topic.publish({ replies: [{ replies: [] }, { replies: [reply] }] });

    expect(await heardBy(clients)).toEqual(
      users.map((owner) => [{ message: { replies: [{ replies: [] }, { replies: [{ owner }] }] } }]),
    );
    expect(executions()).toEqual([1, users.length]);
  });

  it('a function that its source maps', async () => {
    const { topic, userOf, listeners, executions } = serveUsers({
      fields: (posts) => ({
        Subscription: { message: { subscribe: () => posts.source().map(rename) } },
      }),
    });
    const clients = await listeners();

    await topic.publish((context) => ({ name: userOf(context) }));

    expect(await heardBy(clients)).toEqual(users.map((user) => [owned(user, 'mapped')]));
    expect(executions()).toEqual([0, users.length]);
  });

  it('a property of a field whose resolver is the default one by name', async () => {
    const server = serveUsers({ fields: () => ({ Message: { owner: defaultFieldResolver } }) });
    const clients = await server.listeners();

    await ownProperty(server);

    expect(await heardBy(clients)).toEqual(eachItsOwn);
    expect(server.executions()).toEqual([1, users.length]);
  });

  it.each<readonly [string, (userOf: UserServer['userOf']) => (context: unknown) => unknown]>([
    ['reads the context', (userOf) => (context) => userOf(context)],
    [
      'reads it later',
      (userOf) => async (context) => {
        await Promise.resolve();
        return userOf(context);
      },
    ],
    [
      'tries to read it',
      (userOf) => (context) => {
        try {
          return userOf(context);
        } catch {
          return 'somebody';
        }
      },
    ],
  ])('whatever, where a resolver that is wrongly declared pure %s', async (_how, makeOwner) => {
    const server = serveUsers(({ userOf }) => {
      const ownerOf = makeOwner(userOf);
      const owner = pure((_post: unknown, _args: unknown, context: unknown) => ownerOf(context));
      return { fields: () => ({ Message: { owner } }) };
    });
    const clients = await server.listeners();

    await server.publish('one');

    expect(await heardBy(clients)).toEqual(eachItsOwn);
    expect(server.executions()).toEqual([1, users.length]);
    expect(server.hidden).toEqual([]);
  });

  it('and gets the context that eventContext makes of its own', async () => {
    const eventContext = vi.fn(async (context: unknown) => {
      const { user } = context as Context; // what the server makes here
      return { user: `${user} now` };
    });
    const server = serveUsers({ options: { eventContext } });
    const clients = await server.listeners();

    await ownProperty(server);

    expect(await heardBy(clients)).toEqual(users.map((user) => [owned(`${user} now`)]));
    expect(eventContext).toHaveBeenCalledTimes(users.length);
  });

  it('and fails for those alone for whom it fails', async () => {
    const { topic, userOf, listeners, hidden } = serveUsers();
    const clients = await listeners();

    await topic.publish((context) => {
      const owner = userOf(context);
      if (owner === 'bob') throw new Error('not for bob');
      return { text: 'one', owner };
    });

    expect(await heardBy(clients)).toEqual([[owned('ada')], [{ message: null }], [owned('cyd')]]);
    expect(hidden).toEqual(['resolver: not for bob']);
  });

  it('in its place among the others', async () => {
    const server = serveUsers();
    const { topic, userOf, listeners, executions } = server;
    const clients = await listeners();
    const gates = new Map(users.map((user) => [user as string, new Gate()]));

    await topic.publish({ text: 'before', owner: 'all' });
    await topic.publish(async (context) => {
      const user = userOf(context);
      await gates.get(user)?.promise;
      return { text: 'own', owner: user };
    });
    await topic.publish({ text: 'after', owner: 'all' });

    expect(await heardBy(clients)).toEqual(users.map(() => [owned('all', 'before')]));
    gates.get('bob')?.open();
    expect(await heardBy(clients)).toEqual([[], [owned('bob', 'own'), owned('all', 'after')], []]);
    gates.get('ada')?.open();
    gates.get('cyd')?.open();
    expect(await heardBy(clients)).toEqual(
      users.map((user) => (user === 'bob' ? [] : [owned(user, 'own'), owned('all', 'after')])),
    );
    expect(executions()).toEqual([2, 3]);
  });

  it('also while another event of the group is being executed', async () => {
    const { ready, topic, userOf, clock, executions } = serveUsers(() => ({
      fields: (posts) => ({
        Subscription: {
          message: subscriptionField({
            topic: posts,
            filter: async (post: Post, _args, context: Context) => post['text'] === context.user,
          }),
        },
      }),
    }));
    const [ada, bob] = [
      await ready({ headers: { user: 'ada' } }),
      await ready({ headers: { user: 'bob' } }),
    ];
    for (const client of [ada, bob]) {
      subscribe(client, '1', 'subscription { message { text owner body } }');
    }
    await clock.settle();
    const gate = new Gate<string>();

    await topic.publish({
      text: 'ada',
      owner: (_args: object, context: unknown) => userOf(context),
      body: gate.promise,
    });
    await topic.publish({ text: 'bob', owner: 'all', body: 'quick' });
    await clock.settle();
    gate.open('slow');

    expect(await heard(bob)).toEqual([{ message: { text: 'bob', owner: 'all', body: 'quick' } }]);
    expect(await heard(ada)).toEqual([{ message: { text: 'ada', owner: 'ada', body: 'slow' } }]);
    // the guard cannot say for which of them it was touched
    expect(executions()).toEqual([2, 2]);
  });
});

describe('an event that sees no context is executed once:', () => {
  it('a getter is asked once', async () => {
    const { topic, listeners, executions, seen } = serveUsers();
    const clients = await listeners();
    const read = vi.fn(() => 'all');

    // the broker estimates the size of own properties alone
    class Message {
      readonly text = 'one';
      get owner(): string {
        return read();
      }
    }

    await topic.publish(new Message() as unknown as Post); // an event may be anything

    expect(await heardBy(clients)).toEqual(users.map(() => [owned('all')]));
    expect(read).toHaveBeenCalledOnce();
    expect(executions()).toEqual([1, 0]);
    expect(seen).toEqual([]);
  });

  it('a function that nobody selected is not called', async () => {
    const { topic, listeners, executions } = serveUsers();
    const clients = await listeners();
    const body = vi.fn();

    await topic.publish({ text: 'one', owner: 'all', body });

    expect(await heardBy(clients)).toEqual(users.map(() => [owned('all')]));
    expect(body).not.toHaveBeenCalled();
    expect(executions()).toEqual([1, 0]);
  });

  it('a pure resolver is called once, with a context that is nobody’s', async () => {
    const owner = vi.fn((_post: unknown, _args: unknown, _context: unknown) => 'all');
    const server = serveUsers({ fields: () => ({ Message: { owner: pure(owner) } }) });
    const clients = await server.listeners();

    await server.publish('one');

    expect(await heardBy(clients)).toEqual(users.map(() => [owned('all')]));
    expect(owner).toHaveBeenCalledOnce();
    const [, , context] = owner.mock.calls[0] ?? [];
    expect(() => (context as Context).user).toThrow('shared by several subscribers');
  });

  it('an event after one that was executed for each is shared again', async () => {
    const { topic, publish, userOf, listeners, executions } = serveUsers();
    const clients = await listeners('subscription { message { text owner } }');

    await topic.publish({ text: 'own', owner: (_: object, context: unknown) => userOf(context) });
    await publish('all');

    expect(await heardBy(clients)).toEqual(
      users.map((user) => [owned(user, 'own'), owned(null, 'all')]),
    );
    expect(executions()).toEqual([2, 3]);
  });
});

describe('no subscriber’s context is seen by another', () => {
  /** Every place that is given a context says whose it is; what comes out has to be the client's own. */
  it.each<readonly [string, (userOf: UserServer['userOf']) => SharingServerOptions, string[]]>([
    [
      'where a field has a resolver',
      (userOf) => ({
        fields: () => ({
          Message: { owner: (_post: unknown, _args: unknown, context: unknown) => userOf(context) },
        }),
      }),
      [...users],
    ],
    [
      'where the subscription field has one',
      (userOf) => ({
        fields: (topic) => ({
          Subscription: {
            message: subscriptionField({
              topic,
              resolve: (post, _args, context) => ({ ...post, owner: userOf(context) }),
            }),
          },
        }),
      }),
      [...users],
    ],
    [
      'where everybody is an audience of one',
      (userOf) => ({
        fields: () => ({
          Message: { owner: (_post: unknown, _args: unknown, context: unknown) => userOf(context) },
        }),
        options: {
          audience: (context) => (context as Context).user, // as the server makes it
          audienceContext: (user) => ({ user }),
        },
      }),
      [...users],
    ],
    [
      'where a hook sees each result',
      (userOf) => ({
        fields: () => ({
          Message: { owner: (_post: unknown, _args: unknown, context: unknown) => userOf(context) },
        }),
        options: { onNext: () => undefined, audience: () => 'all' },
      }),
      [...users],
    ],
  ])('%s', async (_place, more, expected) => {
    const { publish, listeners, seen } = serveUsers(({ userOf }) => more(userOf));
    const clients = await listeners();

    await publish('one');

    expect(await heardBy(clients)).toEqual(eachItsOwn);
    expect(seen.toSorted()).toEqual(expected);
  });

  it('nor by the execution for an audience, which has a context of its own', async () => {
    const { publish, listeners, seen } = serveUsers(({ userOf }) => ({
      fields: () => ({
        Message: { owner: (_post: unknown, _args: unknown, context: unknown) => userOf(context) },
      }),
      options: { audience: () => 'all' },
    }));
    const clients = await listeners();

    await publish('one');

    expect(await heardBy(clients)).toEqual(users.map(() => [owned('nobody')]));
    expect(seen).toEqual(['nobody']);
  });

  it('also if the one whose group it was has left', async () => {
    const { topic, userOf, listeners, seen, clock } = serveUsers();
    const [first, ...others] = await listeners();
    first?.vanish();
    await clock.settle();

    await topic.publish({ text: 'one', owner: (_: object, context: unknown) => userOf(context) });

    expect(await heardBy(others)).toEqual([[owned('bob')], [owned('cyd')]]);
    expect(seen.toSorted()).toEqual(['bob', 'cyd']);
  });

  it('nor is what resolvers put into an audience’s context there for the next event', async () => {
    const { publish, listeners } = serveUsers({
      fields: () => ({ Message: { owner: remember } }),
      options: { audience: () => 'all' },
    });
    const clients = await listeners();

    await publish('one');
    await publish('one');

    expect(await heardBy(clients)).toEqual(users.map(() => [owned('nothing'), owned('nothing')]));
  });
});
