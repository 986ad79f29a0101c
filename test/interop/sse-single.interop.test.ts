import { sseSingle } from 'millrace/client/sse-single';
import { describe, expect, it } from 'vitest';

import { Inbox, until } from '../support/waiting.ts';
import { capabilities, inRoom, messageOf } from './servers/capabilities.ts';
import { graphqlSseSingle } from './servers/graphql-sse-single.ts';
import { resultOf, watch } from './servers/seen.ts';
import { expectedOf } from './servers/server-matrix.ts';
import { serveForeign } from './servers/server-under-test.ts';
import type { Trial } from './servers/server-under-test.ts';
import { toEnd } from './support/client-under-test.ts';
import { completed, next } from './support/recorded-operation.ts';

/** What a client sent, with the status of each answer that has come. */
class Requests {
  readonly all: string[] = [];
  readonly transport = sseSingle({
    fetch: async (url, init) => {
      const { search } = new URL(url);
      const at = this.all.push(`${init.method}${search}`) - 1;
      const response = await fetch(url, init);
      this.all[at] += ` ${response.status}`;
      return response;
    },
  });

  of(method: string): readonly string[] {
    return this.all.filter((request) => request.startsWith(method));
  }
}

function serve(): Promise<Trial> {
  return serveForeign(graphqlSseSingle);
}

describe('graphql-sse over one stream', () => {
  it.each(capabilities)('$says', async (capability) => {
    const trial = await serve();
    const own = graphqlSseSingle.peculiarities?.[capability.column];

    const observed = await (own?.observe ?? capability.observe)(trial);

    const expected = expectedOf(graphqlSseSingle, capability).map((each) => each.observed);
    expect(expected).toContainEqual(observed);
    expect(trial.complaints).toEqual([]);
  });

  it('SSE-68 has everything on one stream', async () => {
    const { server, connect } = await serve();
    const { transport, all } = new Requests();
    const client = connect({ transport });
    const rooms = ['a', 'b', 'c'].map((room) => watch(client.subscribe(inRoom(room))));
    await server.app.sources(3);
    expect(await resultOf(client.query({ query: '{ hello }' }))).toEqual({
      data: { hello: 'world' },
    });
    for (const room of ['c', 'a', 'b']) server.app.publish(room, `in ${room}`);

    expect(await Promise.all(rooms.map((reports) => reports.next()))).toEqual(
      ['a', 'b', 'c'].map((room) => messageOf(`in ${room}`)),
    );
    await until(() => server.openConnections === 1, 'the one response that stays');
    expect(all).toEqual(['PUT 201', 'GET 200', ...Array.from({ length: 4 }, () => 'POST 202')]);
  });

  it('SSE-65 is told once to stop an operation, also where its URL has a query', async () => {
    const { server, connect } = await serve();
    const requests = new Requests();
    const client = connect({ transport: requests.transport, url: `${server.url}?tenant=a` });
    const handle = client.subscribe(inRoom('a'));
    const left = watch(handle);
    const kept = watch(client.subscribe(inRoom('b')));
    await handle.ready;
    await server.app.sources(2);
    server.app.publish('a', 'seen');
    await left.next();
    handle.return();
    await server.app.sources(1);
    server.app.publish('b', 'still here');

    expect(await kept.next()).toEqual(messageOf('still here'));
    await until(
      () => requests.of('DELETE')[0]?.endsWith(' 200') === true,
      'the answer to a DELETE',
    );
    expect(requests.of('DELETE')).toEqual(['DELETE?tenant=a&operationId=1 200']);
  });

  it('SSE-65 that has not answered yet is told to stop when it has', async () => {
    const { server, connect } = await serve();
    const requests = new Requests();
    const client = connect({ transport: requests.transport });
    const kept = watch(client.subscribe(inRoom('b')));
    await server.app.sources(1);
    const handle = client.subscribe(inRoom('a'));
    watch(handle);
    // its request is on its way
    await until(() => requests.of('POST').length === 2, 'the request');
    handle.return();

    await until(() => requests.of('DELETE').length === 1, 'the DELETE');
    await server.app.sources(1);
    server.app.publish('b', 'still here');
    expect(await kept.next()).toEqual(messageOf('still here'));
    expect(server.app.opened).toBe(2);
  });

  it('SSE-66 refuses an operation, and the stream goes on', async () => {
    const { server, connect } = await serve();
    const requests = new Requests();
    const client = connect({ transport: requests.transport });
    const kept = watch(client.subscribe(inRoom('b')));
    await server.app.sources(1);

    for (const query of ['{ nope }', '{', 'query A { hello } query B { hello }']) {
      const [report, end] = await toEnd(watch(client.subscribe({ query })));
      expect(report).toEqual(next({ errors: [expect.any(String)] }));
      expect(end).toEqual(completed);
    }
    server.app.publish('b', 'still here');

    expect(await kept.next()).toEqual(messageOf('still here'));
    expect(requests.of('POST').filter((request) => request.endsWith(' 400'))).toHaveLength(3);
    expect(requests.of('PUT')).toHaveLength(1);
  });

  it('SSE-70 that restarts has every subscription back on one stream', async () => {
    const { server, connect } = await serve();
    const losses = new Inbox<string>('a loss');
    const client = connect({ onDisconnected: ({ code }) => losses.push(code) });
    const rooms = ['a', 'b', 'c'].map((room) => watch(client.subscribe(inRoom(room))));
    await server.app.sources(3);

    await server.close();
    const successor = await server.startSuccessor();
    await successor.app.sources(3);
    for (const room of ['a', 'b', 'c']) successor.app.publish(room, room);

    const seen = await Promise.all(rooms.map((reports) => reports.next()));
    expect(seen).toEqual(['a', 'b', 'c'].map(messageOf));
    expect(successor.app.opened).toBe(3);
    await successor.connections(1);
    expect(await losses.next()).toBe('CONNECTION_LOST');
  });

  it('stops everything when the client is closed', async () => {
    const { server, connect } = await serve();
    const client = connect();
    for (const room of ['a', 'b']) watch(client.subscribe(inRoom(room)));
    await server.app.sources(2);
    client.close();

    await server.app.sources(0);
    await server.connections(0);
    expect(server.app.opened).toBe(2);
  });
});
