import type { GatewayServerOptions } from 'millrace/adapters/gateway';
import { createCompiledEngine } from 'millrace/server';
import { beforeEach, describe, expect, it } from 'vitest';

import type { ResolvingEngine } from '../../../src/server/gateway/registering-engine.ts';
import { GatewayStage, upgrade } from '../../support/gateway-stage.ts';

const ack = { type: 'connection_ack' };
const next = (id: string, data: unknown): unknown => ({ id, type: 'next', payload: { data } });
const complete = (id: string): unknown => ({ id, type: 'complete' });

let stage: GatewayStage;

beforeEach(() => {
  stage = new GatewayStage();
});

describe('a stateless gateway', () => {
  it('chooses the protocol when somebody connects', async () => {
    expect(await stage.fresh.connect({ connectionId: 'a', request: upgrade })).toEqual({
      kind: 'accept',
      subprotocol: 'graphql-transport-ws',
    });
  });

  it('refuses whoever offers no protocol that it speaks, and remembers nothing of it', async () => {
    const request = { ...upgrade, headers: { 'sec-websocket-protocol': 'graphql-ws' } };

    expect(await stage.fresh.connect({ connectionId: 'a', request })).toMatchObject({
      kind: 'refuse',
      status: 400,
    });
    expect(stage.store.connections.size).toBe(0);
  });

  it('acknowledges an init message', async () => {
    await stage.open('a');

    expect(await stage.message('a', { type: 'connection_init' })).toEqual([ack]);
  });

  it('answers a query, each call by an instance of its own', async () => {
    await stage.join('a', { user: 'ada' });

    expect(await stage.subscribe('a', '1', '{ me }')).toEqual([
      next('1', { me: 'ada' }),
      complete('1'),
    ]);
  });

  it('gives what is published to those who subscribed to the key, each with its id', async () => {
    await stage.join('a');
    await stage.join('b');
    await stage.join('c');
    await stage.subscribe('a', '1', 'subscription { said(room: "x") { text } }');
    await stage.subscribe('b', '2', 'subscription { said(room: "x") { text } }');
    await stage.subscribe('c', '3', 'subscription { said(room: "y") { text } }');

    const delivery = await stage.fresh.publish('said', { room: 'x', text: 'hi' }, { key: 'x' });

    expect(delivery).toEqual({ delivered: 2, gone: 0, failed: 0 });
    expect(stage.taken('a')).toEqual([next('1', { said: { text: 'hi' } })]);
    expect(stage.taken('b')).toEqual([next('2', { said: { text: 'hi' } })]);
    expect(stage.taken('c')).toEqual([]);
  });

  it('leaves documents to an engine that finds them, for every event', async () => {
    const compiled = createCompiledEngine();
    const texts = new Map([['x', 'subscription { said(room: "x") { text } }']]);
    const engine: GatewayServerOptions['engine'] = {
      findsDocuments: true,
      prepare: (schema, request) =>
        compiled.prepare(schema, {
          ...request,
          query: texts.get(String(request.extensions?.['named'])) ?? '',
        }),
      execute: (...args) => compiled.execute(...args),
      subscribe: (...args) => compiled.subscribe(...args),
      resolveSource: (...args) => (compiled as ResolvingEngine).resolveSource(...args), // it can
    };
    stage = new GatewayStage({ server: { engine } });
    await stage.join('a');

    const extensions = { named: 'x', persistedQuery: 'of no convention' };
    const payload = { query: '', extensions };
    expect(await stage.message('a', { id: '1', type: 'subscribe', payload })).toEqual([]);
    await stage.fresh.publish('said', { room: 'x', text: 'hi' }, { key: 'x' });

    expect(stage.taken('a')).toEqual([next('1', { said: { text: 'hi' } })]);
  });

  it('delivers what a mutation publishes before the mutation is answered', async () => {
    await stage.join('a');
    await stage.subscribe('a', '1', 'subscription { said(room: "x") { text } }');

    expect(await stage.subscribe('a', '2', 'mutation { say(room: "x", text: "hi") }')).toEqual([
      next('1', { said: { text: 'hi' } }),
      next('2', { say: true }),
      complete('2'),
    ]);
  });

  it('stops a subscription that its client completes', async () => {
    await stage.join('a');
    await stage.subscribe('a', '1', 'subscription { said(room: "x") { text } }');
    await stage.message('a', complete('1'));

    expect(await stage.fresh.publish('said', {}, { key: 'x' })).toMatchObject({ delivered: 0 });
    expect(stage.store.subscriptionCount).toBe(0);
  });

  it('forgets everything of a connection that is gone', async () => {
    await stage.join('a');
    await stage.subscribe('a', '1', 'subscription { said(room: "x") { text } }');
    await stage.fresh.disconnect('a');

    expect(stage.store.connections.size).toBe(0);
    expect(stage.store.subscriptionCount).toBe(0);
  });
});
