import type { OperationHandle } from 'millrace/client';
import { toOperationId } from 'millrace/client/websocket';
import type { ClientProtocol, IncomingMessage, WebSocketOptions } from 'millrace/client/websocket';
import { describe, expect, it } from 'vitest';

import { createStage } from '../support/client-peer.ts';
import type { Stage } from '../support/client-peer.ts';
import type { Link } from '../support/client-network.ts';

/** A protocol of somebody's own: words with spaces between them, JSON behind. */
const lines: ClientProtocol = {
  name: 'lines',
  subprotocol: 'lines.test',
  isStrict: false,
  encodeInit: (params) => `hello ${JSON.stringify(params ?? {})}`,
  encodeStart: (id, { query }) => `sub ${id} ${query}`,
  encodeStop: (id) => `unsub ${id}`,
  decode: (frame) => {
    if (typeof frame !== 'string') throw new TypeError('Lines are text.');
    const [word = '', id = '', ...rest] = frame.split(' ');
    const read = readers[word];
    if (!read) throw new Error(`No such word: ${word}`);
    return read(id, rest.join(' '));
  },
  encodePing: () => 'alive?',
  pongFrame: 'alive!',
  farewellFrame: 'bye',
};

const readers: Readonly<Record<string, (id: string, rest: string) => IncomingMessage>> = {
  welcome: (silence) => ({ type: 'connection_ack', payload: { silence: Number(silence) } }),
  away: (why) => ({ type: 'connection_error', payload: why }),
  event: (id, rest) => ({ type: 'next', id: toOperationId(id), payload: { data: rest } }),
  bad: (id, rest) => ({ type: 'error', id: toOperationId(id), payload: [{ message: rest }] }),
  end: (id) => ({ type: 'complete', id: toOperationId(id) }),
  'alive?': () => ({ type: 'ping' }),
  'alive!': () => ({ type: 'pong' }),
  beat: () => ({ type: 'ka' }),
};

/** A client that speaks lines, and a server that says what the test wants. */
function createLines(protocol: Partial<ClientProtocol> = {}, socket: WebSocketOptions = {}) {
  const violations: string[] = [];
  const stage = createStage({
    client: {
      connectionParams: { token: 't' },
      onProtocolViolation: (message) => violations.push(message),
    },
    socket: { protocol: { ...lines, ...protocol }, ...socket },
    server: (link, frame) => {
      if (frame.startsWith('hello')) link.push('welcome 1');
    },
  });
  const told: unknown[] = [];
  const handle: OperationHandle<unknown> = stage.client.subscribe({ query: '{ a }' });
  handle.subscribe({
    next: (result) => told.push(result),
    error: (error) => told.push(error),
    complete: () => told.push('complete'),
  });
  return { ...stage, told, handle, violations };
}

function throwText(): never {
  // oxlint-disable-next-line typescript/only-throw-error -- somebody else wrote it
  throw 'nothing';
}

async function say({ clock, network }: Stage, ...said: string[]): Promise<void> {
  for (const line of said) network.link.push(line);
  await clock.advance(0);
}

describe('a protocol of somebody’s own', () => {
  it('carries operations from the first word to the last', async () => {
    const story = createLines();
    await story.clock.advance(1);
    await say(story, 'event 1 first', 'event 1 second one', 'end 1');

    const { link } = story.network;
    expect(link.subprotocol).toBe('lines.test');
    expect(link.sent).toEqual(['hello {"token":"t"}', 'sub 1 { a }']);
    expect(story.told).toEqual([{ data: 'first' }, { data: 'second one' }, 'complete']);

    story.client.close();
    expect(link.sent.slice(2)).toEqual(['bye']);
    expect(link.closing).toEqual({ code: 1000, reason: 'Normal Closure' });
  });

  it('stops operations, and answers those who ask whether it lives', async () => {
    const story = createLines();
    await story.clock.advance(1);
    await say(story, 'alive?', 'alive!');
    story.handle.return();
    await say(story, 'event 1 late');

    expect(story.network.link.sent.slice(2)).toEqual(['alive!', 'unsub 1']);
    expect(story.told).toEqual([]);
    expect(story.violations).toEqual([]);
  });

  it('gives request errors as a result', async () => {
    const story = createLines();
    await story.clock.advance(1);
    await say(story, 'bad 1 no such field');

    expect(story.told).toEqual([{ errors: [{ message: 'no such field' }] }, 'complete']);
  });

  it('asks a silent server whether it lives, and leaves a dead one', async () => {
    const story = createLines();
    await story.clock.advance(30_001);
    expect(story.network.link.sent.slice(2)).toEqual(['alive?']);

    await story.clock.advance(30_000);
    expect(story.network.links[0]?.closing).toMatchObject({ code: 4499 });
    expect(story.handle.status.current).toBe('reconnecting');
  });

  it('without a word for that relies on the beats of the server, from the first on', async () => {
    const { encodePing: _ping, ...mute } = lines;
    const story = createStage({
      socket: { protocol: mute },
      server: (link, frame) => {
        if (frame.startsWith('hello')) link.push('welcome 1');
      },
    });
    const handle = story.client.subscribe({ query: '{ a }' });
    handle.subscribe({});
    await story.clock.advance(1_000_000);
    expect(story.network.links).toHaveLength(1);

    await say(story, 'beat');
    await story.clock.advance(29_999);
    expect(handle.status.current).toBe('live');
    await story.clock.advance(1);
    expect(handle.status.current).toBe('reconnecting');
  });

  it('reports what it cannot read as a violation, and goes on', async () => {
    const story = createLines();
    await story.clock.advance(1);
    await say(story, 'nonsense', 'event 1 sense', 'event 77 of nobody');

    expect(story.violations).toEqual(['Unreadable: nonsense', 'No operation has this id.']);
    expect(story.told).toEqual([{ data: 'sense' }]);
    expect(story.network.inUse).toHaveLength(1);
  });

  it.each([
    ['throws no error', () => throwText()],
    ['gives nothing', () => undefined],
  ])('that %s is a violation, too', async (_how, decode) => {
    const story = createLines({ decode });
    await story.clock.advance(1);

    expect(story.violations).toEqual(['Unreadable: welcome 1']);
  });

  it.each([
    ['before the ack', { isStrict: true }, {}, (link: Link) => link.push('nonsense')],
    [
      'behind it if that is wanted',
      { isStrict: true },
      { invalidMessages: 'close' },
      (link: Link) => {
        link.push('welcome 1');
        link.push('nonsense');
      },
    ],
  ] as const)(
    'that is strict ends a connection for it %s',
    async (_when, protocol, socket, server) => {
      const told: unknown[] = [];
      const story = createStage({
        socket: { protocol: { ...lines, ...protocol }, ...socket },
        server,
      });
      story.client.subscribe({ query: '{ a }' }).subscribe({ error: (error) => told.push(error) });
      await story.clock.advance(1);

      expect(told).toMatchObject([{ closeCode: 4004, retryable: false }]);
      expect(story.network.link.closing).toMatchObject({ code: 4004 });
    },
  );

  it('is refused in its own words', async () => {
    const told: unknown[] = [];
    const story = createStage({
      socket: { protocol: lines },
      server: (link) => link.push('away closed'),
    });
    story.client.subscribe({ query: '{ a }' }).subscribe({ error: (error) => told.push(error) });
    await story.clock.advance(1);

    expect(told).toMatchObject([{ closeCode: 4403, payload: 'closed' }]);
  });

  it('takes a refusal for final, unless the protocol says that it will pass', async () => {
    const endings: unknown[] = [];
    for (const retryable of [undefined, false, true]) {
      const refusal: IncomingMessage = {
        type: 'connection_error',
        payload: 'away',
        ...(retryable !== undefined && { retryable }),
      };
      const story = createLines({ decode: () => refusal });
      await story.clock.advance(1);
      endings.push([story.network.link.closing?.code, story.handle.status.current, story.told]);
    }

    const refused = { code: 'CONNECTION_REFUSED', payload: 'away', closeCode: 4403 };
    expect(endings).toMatchObject([
      [4403, 'ended', [refused]],
      [4403, 'ended', [refused]],
      [4499, 'reconnecting', []],
    ]);
  });

  it('ends alone the operation that it cannot write', async () => {
    const story = createLines({
      encodeStart: (id, { query }) => {
        if (query === '{ b }') throw new TypeError('No b in lines.');
        return lines.encodeStart(id, { query });
      },
    });
    await story.clock.advance(1);

    await expect(story.client.query({ query: '{ b }' })).rejects.toMatchObject({
      code: 'CLIENT_ERROR',
      cause: new TypeError('No b in lines.'),
    });
    await say(story, 'event 1 goes on');
    expect(story.told).toEqual([{ data: 'goes on' }]);
  });

  it('is not spoken to a server that chose another one', async () => {
    const story = createStage({ socket: { protocol: lines } });
    story.network.dial = 'stranger';
    const told: unknown[] = [];
    story.client.subscribe({ query: '{ a }' }).subscribe({ error: (error) => told.push(error) });
    await story.clock.advance(1);

    expect(story.network.link.sent).toEqual([]);
    expect(told).toMatchObject([{ closeCode: 4406, retryable: false }]);
  });
});
