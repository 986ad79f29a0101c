import { VirtualClock } from 'millrace/testing';
import { expect, it } from 'vitest';

import { Pace, newcomersPerTurn } from '../../src/server/pace.ts';
import { converse } from '../support/conversation.ts';
import { FrameClient, writesIn } from '../support/frame-client.ts';

it('lets as many in within a turn as take some milliseconds, and the others in the order in which they came', async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock, newcomersPerTurn);
  const entered: number[] = [];
  for (let i = 0; i < 200; i++) {
    const turn = pace.turn();
    if (turn) void turn.then(() => entered.push(i));
    else entered.push(i);
  }

  expect(entered.length).toBe(64);
  await clock.turn();
  expect(entered.length).toBe(128);
  await clock.settle();
  expect(entered).toEqual(Array.from({ length: 200 }, (_, i) => i));
});

it('makes nobody wait who comes alone', async () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock, newcomersPerTurn);

  for (let i = 0; i < 200; i++) {
    expect(pace.turn()).toBeUndefined();
    await clock.turn();
  }
});

it('an event reaches those who are subscribed before the most of a crowd of newcomers has been served', async () => {
  const { server, clock, app } = converse({});
  const listener = new FrameClient(clock);
  listener.connect(server);
  listener.say({ type: 'connection_init' });
  await listener.settled();
  listener.subscribe('1', 'subscription { message(room: "r") { text } }');
  await listener.settled();
  const crowd = Array.from({ length: 1_000 }, () => new FrameClient(clock));
  for (const client of crowd) {
    client.connect(server);
    client.say({ type: 'connection_init' });
  }
  await clock.settle();

  for (const client of crowd) client.subscribe('1', 'subscription { message(room: "s") { text } }');
  await app.publish('r', 'meanwhile');
  await clock.turn();
  await clock.turn();

  expect(writesIn(listener.actions)).toHaveLength(1);
  expect(server.sharing().subscribers).toBeLessThan(200);
  for (let settlings = 0; settlings < 10; settlings++) await clock.settle();
  expect(server.sharing().subscribers).toBe(1_001);
});
