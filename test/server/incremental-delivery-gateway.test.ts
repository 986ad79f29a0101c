import { expect, it } from 'vitest';

import { GatewayStage } from '../support/gateway-stage.ts';
import { createIncrementalApp } from '../support/incremental-app.ts';

it('a gateway pushes deferred parts in order, then the end', async () => {
  const { schema } = createIncrementalApp();
  const stage = new GatewayStage({ server: { schema } });
  await stage.join('a');

  const frames = await stage.subscribe('a', '1', '{ person { name ... @defer { slow } } }');

  expect(frames.at(0)).toMatchObject({ id: '1', type: 'next', payload: { hasNext: true } });
  expect(frames.at(-2)).toMatchObject({ id: '1', type: 'next', payload: { hasNext: false } });
  expect(frames.at(-1)).toEqual({ id: '1', type: 'complete' });
  expect(JSON.stringify(frames)).toContain('slow');
});

it('a call of a gateway ends when another one was told to stop what it streams', async () => {
  const app = createIncrementalApp();
  const stage = new GatewayStage({ server: { schema: app.schema } });
  await stage.join('a');
  const firstPush = new Promise<void>((resolve) => {
    stage.onSend = async () => resolve();
  });
  const streaming = stage.subscribe('a', '1', '{ endless @stream(initialCount: 1) }');
  await firstPush;

  await stage.message('a', { id: '1', type: 'complete' });
  await streaming;

  expect(app.returned).toBe(1);
});
