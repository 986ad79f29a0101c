import { websocket } from 'millrace/client/websocket';
import { describe, expect, it } from 'vitest';

import { inRoom, messageOf } from './servers/capabilities.ts';
import { forbiddenToken } from './servers/foreign-app.ts';
import { graphqlWs } from './servers/graphql-ws.ts';
import { mercuriusLegacy, mercuriusTransportWs } from './servers/mercurius.ts';
import { resultOf, watch } from './servers/seen.ts';
import { nameOf } from './servers/server-matrix.ts';
import { serveForeign } from './servers/server-under-test.ts';
import { subscriptionsTransportWs } from './servers/subscriptions-transport-ws.ts';
import { completed, next } from './support/recorded-operation.ts';
import { recordingWebSocket } from './support/recording-web-socket.ts';
import { Inbox, until } from '../support/waiting.ts';

const servers = [graphqlWs, subscriptionsTransportWs, mercuriusTransportWs, mercuriusLegacy];

describe.each(servers.map((server) => ({ server, name: nameOf(server) })))(
  '$name over $server.over',
  ({ server: library }) => {
    it('gives signs of life that keep a silent subscription live', async () => {
      const { server, connect } = await serveForeign(library);
      const signs = new Inbox<string>('a sign of life');
      const WebSocket = recordingWebSocket((frame) => {
        if (!('received' in frame) || frame.received === 'websocket ping') return;
        const { type } = JSON.parse(frame.received) as { readonly type: string };
        if (type === 'pong' || type === 'ka') signs.push(type);
      });
      const { protocol } = library;
      const transport = websocket({ protocol, WebSocket, pingAfterMs: 1, silenceMs: 2_000 });
      const reports = watch(connect({ transport }).subscribe(inRoom('a')));
      await server.app.sources(1);

      const seen = await signs.take(3);
      server.app.publish('a', 'still here');

      expect(new Set(seen)).toEqual(new Set([protocol.encodePing ? 'pong' : 'ka']));
      expect(await reports.next()).toEqual(messageOf('still here'));
      expect(server.app.opened).toBe(1);
    });

    it('is asked again with fresh parameters when it refuses those of a function', async () => {
      const { connect } = await serveForeign(library);
      const tokens = [forbiddenToken, 'key'];
      const connectionParams = () => ({ token: tokens.shift() });

      const seen = watch(connect({ connectionParams }).subscribe({ query: '{ whoAmI }' }));

      expect(await seen.take(2)).toEqual([next({ data: { whoAmI: 'key' } }), completed]);
    });

    it('serves a connection that is held until it is closed', async () => {
      const { server, connect } = await serveForeign(library);
      const client = connect({ idleTimeoutMs: 0 });

      const held = await client.connect();
      const seen = await Promise.all(
        [1, 2, 3].map((n) => resultOf(held.query({ query: `{ double(n: ${n}) }` }))),
      );
      const whileHeld = server.openConnections;
      held.close();

      expect(seen).toEqual([2, 4, 6].map((double) => ({ data: { double } })));
      expect(whileHeld).toBe(1);
      await server.connections(0);
    });

    it('has every subscription back on one connection after a restart', async () => {
      const { server, connect } = await serveForeign(library);
      const client = connect();
      const rooms = ['a', 'b', 'c'].map((name) => watch(client.subscribe(inRoom(name))));
      await server.app.sources(3);

      await server.close();
      const successor = await server.startSuccessor();
      await successor.app.sources(3);
      for (const name of ['a', 'b', 'c']) successor.app.publish(name, name);

      const seen = await Promise.all(rooms.map((reports) => reports.next()));
      expect(seen).toEqual(['a', 'b', 'c'].map(messageOf));
      expect(successor.app.opened).toBe(3);
      expect(successor.openConnections).toBe(1);
    });

    it('gets one subscription for another when the client connects anew', async () => {
      const { server, connect } = await serveForeign(library);
      const client = connect();
      const reports = watch(client.subscribe(inRoom('a')));
      await server.app.sources(1);

      client.reconnect();
      await until(() => server.app.opened === 2, 'a second subscription');
      await server.app.sources(1);
      server.app.publish('a', 'to the second');

      expect(await reports.next()).toEqual(messageOf('to the second'));
    });
  },
);

describe('a server of the other protocol', () => {
  it('is told from one that cannot be reached where it closes with a code', async () => {
    const { connect } = await serveForeign(subscriptionsTransportWs);
    const client = connect({ transport: websocket({ protocol: graphqlWs.protocol }) });

    const failure = await resultOf(client.query({ query: '{ hello }' }));

    expect(failure).toEqual({ code: 'CONNECTION_REFUSED', closeCode: 1002 });
  });

  it('is told from one that cannot be reached where it leaves the subprotocol out', async () => {
    const { connect } = await serveForeign(graphqlWs);
    const client = connect({
      transport: websocket({ protocol: subscriptionsTransportWs.protocol }),
    });

    const failure = await resultOf(client.query({ query: '{ hello }' }));

    expect(failure).toMatchObject({ code: 'SUBPROTOCOL_NOT_ACCEPTABLE' });
  });
});

it('hands over what a server says when it refuses the connection', async () => {
  const { connect } = await serveForeign(subscriptionsTransportWs);
  const client = connect({ token: forbiddenToken });

  const failure: unknown = await client
    .query({ query: '{ hello }' })
    .catch((error: unknown) => error);

  expect(failure).toMatchObject({ payload: { message: 'Prohibited connection!' } });
});

it('hands over the status with which a server refuses the upgrade', async () => {
  const { connect } = await serveForeign(mercuriusTransportWs);
  const headers = { authorization: forbiddenToken };
  const client = connect({ transport: websocket({ headers }) });

  const failure = await resultOf(client.query({ query: '{ hello }' }));

  expect(failure).toMatchObject({ code: 'CONNECTION_REFUSED', status: 401 });
});
