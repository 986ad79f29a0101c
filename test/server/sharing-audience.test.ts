import { subscriptionField } from 'millrace/server';
import type { ServerOptions } from 'millrace/server';
import { describe, expect, it, vi } from 'vitest';

import { subscribe } from '../support/conversation.ts';
import { heard, heardBy, serveSharing } from '../support/sharing-server.ts';
import type { Post, SharingServer } from '../support/sharing-server.ts';

interface Context {
  readonly tenant?: string;
  readonly audience?: string;
}

const ownerQuery = 'subscription { message { owner } }';

/** A server where `owner` has a resolver, so that only an audience shares, and clients name their tenant. */
function serveTenants(
  options: Partial<ServerOptions<object, Context>>,
  owner: (post: Post, args: object, context: Context) => unknown = (_post, _args, context) =>
    context.audience ?? context.tenant,
  fieldAudience?: (context: Context) => string | undefined,
): SharingServer & { readonly tenants: (...names: readonly string[]) => ReturnType<typeof join> } {
  const server = serveSharing({
    fields: (topic) => ({
      Message: { owner },
      Subscription: {
        message: subscriptionField({
          topic,
          ...(fieldAudience && { audience: fieldAudience }),
        }),
      },
    }),
    options: {
      context: ({ request }) => ({ tenant: request.headers['tenant'] }),
      // inside, a context is anything
      ...(options as Partial<ServerOptions>),
    },
  });
  const join = async (names: readonly string[]) => {
    const clients = [];
    for (const tenant of names) {
      const client = await server.ready({ headers: { tenant } });
      subscribe(client, '1', ownerQuery);
      clients.push(client);
    }
    await server.clock.settle();
    return clients;
  };
  return { ...server, tenants: (...names) => join(names) };
}

const owned = (owner: unknown) => ({ message: { owner } });
const byTenant = ({ tenant }: Context) => tenant;

describe('operations whose resolvers see a context', () => {
  it('are executed for each of them where no audience is named', async () => {
    const owner = vi.fn(() => 'me');
    const { publish, tenants, executions, server } = serveTenants({}, owner);
    const clients = await tenants('a', 'a');

    await publish('one');

    expect(await heardBy(clients)).toEqual([[owned('me')], [owned('me')]]);
    expect(owner).toHaveBeenCalledTimes(2);
    expect(executions()).toEqual([0, 0]);
    expect(server.sharing().notShared).toEqual([
      { reason: 'Message.owner has a resolver', subscriptions: 2 },
    ]);
  });

  it('share one execution within their audience, in a context that names it', async () => {
    const { publish, tenants, executions, server } = serveTenants({ audience: byTenant });
    const clients = await tenants('a', 'b', 'a', 'a');

    await publish('one');

    expect(await heardBy(clients)).toEqual(['a', 'b', 'a', 'a'].map((name) => [owned(name)]));
    expect(executions()).toEqual([2, 0]);
    expect(server.sharing().largestGroups).toEqual([
      { topic: 'posts', key: '', audience: 'a', subscribers: 3 },
      { topic: 'posts', key: '', audience: 'b', subscribers: 1 },
    ]);
  });

  it('get what audienceContext makes, a new one for each event', async () => {
    const audienceContext = vi.fn((audience: string) => ({ audience: `of ${audience}` }));
    const owner = vi.fn((_post: Post, _args: object, context: Context) => context.audience);
    const { publish, tenants } = serveTenants({ audience: byTenant, audienceContext }, owner);
    const clients = await tenants('a', 'a');

    await publish('one');
    await publish('two');

    expect(await heardBy(clients)).toEqual(clients.map(() => [owned('of a'), owned('of a')]));
    expect(audienceContext.mock.calls).toEqual([['a'], ['a']]);
    const contexts = owner.mock.calls.map(([, , context]) => context);
    expect(new Set(contexts).size).toBe(2);
  });

  it('wait for an audienceContext that takes its time', async () => {
    const { publish, tenants, executions } = serveTenants({
      audience: byTenant,
      audienceContext: async (audience) => ({ audience: `later ${audience}` }),
    });
    const clients = await tenants('a', 'a');

    await publish('one');
    await publish('two');

    expect(await heardBy(clients)).toEqual(clients.map(() => [owned('later a'), owned('later a')]));
    expect(executions()).toEqual([2, 0]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no loader');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no loader'))],
  ])(
    'get one failed event, reported once, if audienceContext %s',
    async (_how, audienceContext) => {
      const made = vi.fn(audienceContext);
      const { publish, tenants, hidden } = serveTenants({
        audience: byTenant,
        audienceContext: made,
      });
      const clients = await tenants('a', 'a', 'a');

      await publish('one');
      made.mockImplementation(() => Promise.resolve({ audience: 'well again' }) as never);
      await publish('two');

      const failed = { message: null };
      expect(await heardBy(clients)).toEqual(clients.map(() => [failed, owned('well again')]));
      expect(hidden).toEqual(['resolver: no loader']);
    },
  );

  it('are not shared where the audience is undefined', async () => {
    const { publish, tenants, executions } = serveTenants({
      audience: ({ tenant }) => (tenant === 'a' ? tenant : undefined),
    });
    const clients = await tenants('a', 'b', 'b', 'a');

    await publish('one');

    expect(await heardBy(clients)).toEqual(['a', 'b', 'b', 'a'].map((name) => [owned(name)]));
    expect(executions()).toEqual([1, 0]);
  });

  it('are not shared where the audience is null, which programs without types return for nobody', async () => {
    const { tenants, server } = serveTenants({ audience: () => null as unknown as undefined });
    await tenants('a', 'a');

    expect(server.sharing()).toMatchObject({ groups: 0, notShared: [{ subscriptions: 2 }] });
  });

  it('follow the audience of their field before that of the server', async () => {
    const ofServer = vi.fn(byTenant);
    const { tenants, server } = serveTenants({ audience: ofServer }, undefined, () => 'all');
    await tenants('a', 'b');

    expect(server.sharing().largestGroups).toEqual([
      { topic: 'posts', key: '', audience: 'all', subscribers: 2 },
    ]);
    expect(ofServer).not.toHaveBeenCalled();
  });

  it('are not shared where the audience of their field is undefined, whatever the server says', async () => {
    const { tenants, server } = serveTenants({ audience: byTenant }, undefined, () => undefined);
    await tenants('a', 'a');

    expect(server.sharing()).toMatchObject({ groups: 0, notShared: [{ subscriptions: 2 }] });
  });

  it('are refused, masked, where the audience throws', async () => {
    const { tenants, server, hidden } = serveTenants({
      audience: () => {
        throw new Error('no idea');
      },
    });
    const [client] = await tenants('a');

    expect(client && (await heard(client))).toEqual([
      { errors: [expect.objectContaining({ message: 'Internal server error' })] },
    ]);
    expect(hidden).toEqual(['operation: no idea']);
    expect(server.gauges()).toMatchObject({ operations: 0, readers: 0 });
  });

  it.each([
    ['a promise', () => Promise.resolve('a')],
    ['a promise that rejects', () => Promise.reject(new Error('no idea'))],
    ['an object', () => ({ id: 'a' })],
    ['a number', () => Number.NaN],
  ])('are never shared by accident: an audience that is %s is refused', async (_kind, name) => {
    // a program in JavaScript, or behind a cast
    const audience = name as unknown as () => string;
    const { tenants, server, hidden } = serveTenants({ audience });
    const clients = await tenants('a', 'b');

    expect(await heardBy(clients)).toEqual(
      clients.map(() => [
        { errors: [expect.objectContaining({ message: 'Internal server error' })] },
      ]),
    );
    expect(hidden).toEqual(clients.map(() => expect.stringContaining('`audience`')));
    expect(server.sharing().groups).toBe(0);
  });

  it('ask for the audience once per subscription, and not at all where the plan is pure', async () => {
    const audience = vi.fn(byTenant);
    const { publish, tenants, ready } = serveTenants({ audience });
    subscribe(await ready(), '1', 'subscription { message { text } }');
    await tenants('a', 'a', 'b');

    await publish('one');
    await publish('two');

    expect(audience).toHaveBeenCalledTimes(3);
  });
});
