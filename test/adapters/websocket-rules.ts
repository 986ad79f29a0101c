import { createHash } from 'node:crypto';

import type { ServerOptions } from 'millrace/server';
import { refuse } from 'millrace/server';

import type { ClientFrame, UpgradeRequest } from '../support/raw-websocket.ts';
import { closeFrame, opcodes, textFrame, toBytes } from '../support/raw-websocket.ts';

/** One step of a conversation in frames. Nothing is answered by itself: neither pings nor closes. */
export type RuleStep =
  /** The client sends these frames in one segment. */
  | { readonly send: readonly ClientFrame[] }
  /** The client sends these bytes. */
  | { readonly bytes: Uint8Array }
  /** The next message of the server is exactly this. */
  | { readonly server: unknown }
  /** The next frame of the server is a pong with this payload. */
  | { readonly pong: string }
  /** The next frame of the server is a ping. */
  | { readonly ping: 'from the server' }
  /** The next frame of the server closes with this code (`undefined` for an empty frame) and, if given, this reason. */
  | { readonly close: number | undefined; readonly reason?: string | RegExp }
  /** The same after any number of messages. */
  | { readonly closeAfterMessages: number }
  /** The server sends nothing more and ends its side of the TCP connection. */
  | { readonly ends: true }
  /** The server has destroyed the TCP connection without waiting for ours. */
  | { readonly destroyed: true }
  | { readonly afterMs: number }
  | { readonly release: 'slow' };

/** A conversation that shows one numbered statement. */
export interface WebSocketRule {
  readonly says: string;
  readonly request?: UpgradeRequest;
  /** Header lines by lower-case name; `undefined` for one that must be absent. @defaultValue the upgrade succeeds */
  readonly response?: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, readonly string[] | undefined>>;
  };
  /** Sent in one segment with the request. */
  readonly trailing?: readonly ClientFrame[];
  readonly options?: Omit<ServerOptions, 'schema' | 'clock'>;
  readonly steps?: readonly RuleStep[];
}

const both: Pick<ServerOptions, 'protocols'> = {
  protocols: ['graphql-transport-ws', 'subscriptions-transport-ws'],
};

const init = textFrame({ type: 'connection_init' });
const ack: RuleStep = { server: { type: 'connection_ack' } };
const ready: readonly RuleStep[] = [{ send: [init] }, ack];

const subscribe = (id: string, query: string, more: object = {}): ClientFrame =>
  textFrame({ id, type: 'subscribe', payload: { query, ...more } });
const answered = (id: string, data: unknown): readonly RuleStep[] => [
  { server: { id, type: 'next', payload: { data } } },
  { server: { id, type: 'complete' } },
];

/** A probe that shows that the connection still works. */
const alive: readonly RuleStep[] = [
  { send: [subscribe('alive', '{ hello }')] },
  ...answered('alive', { hello: 'world' }),
];

/** Once it is answered the server has read what was sent before. */
const probe: ClientFrame = { opcode: opcodes.ping, payload: 'read?' };
const probed: RuleStep = { pong: 'read?' };

const ended: RuleStep = { ends: true };
const broken = (code: number): readonly RuleStep[] => [{ close: code }, ended];

/** One frame, or several, that end the connection with `code`. */
const breaks = (says: string, code: number, send: readonly ClientFrame[]): WebSocketRule => ({
  says,
  steps: [...ready, { send }, ...broken(code)],
});

/** The frames of a message with one byte in each. */
function inSingleBytes(frame: ClientFrame): readonly ClientFrame[] {
  const bytes = Buffer.from(frame.payload ?? '');
  return [...bytes].map((byte, index) => ({
    opcode: index === 0 ? frame.opcode : opcodes.continuation,
    payload: Buffer.from([byte]),
    fin: index === bytes.length - 1,
  }));
}

const acceptsKey = (key: string): WebSocketRule => ({
  says: `answers the key ${key}`,
  request: { headers: { 'Sec-WebSocket-Key': key } },
  response: {
    status: 101,
    headers: {
      upgrade: ['websocket'],
      connection: ['Upgrade'],
      'sec-websocket-accept': [
        createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64'),
      ],
    },
  },
});

const upgradesWith = (
  says: string,
  headers: NonNullable<UpgradeRequest['headers']>,
): WebSocketRule => ({ says, request: { headers }, steps: ready });

const refusesWith = (
  says: string,
  status: number,
  headers: NonNullable<UpgradeRequest['headers']>,
): WebSocketRule => ({ says, request: { headers }, response: { status }, steps: [ended] });

const refusesVersion = (version: string | null): WebSocketRule => ({
  says: version === null ? 'refuses a request without a version' : `refuses version "${version}"`,
  request: { headers: { 'Sec-WebSocket-Version': version } },
  response: { status: 426, headers: { 'sec-websocket-version': ['13'] } },
  steps: [ended],
});

const selects = (
  offered: string | readonly string[],
  selected: string,
  options: Omit<ServerOptions, 'schema' | 'clock'> = both,
): WebSocketRule => ({
  says: `selects ${selected} when offered ${[offered].flat().join(' and, on a line of its own, ')}`,
  request: { headers: { 'Sec-WebSocket-Protocol': offered } },
  response: { status: 101, headers: { 'sec-websocket-protocol': [selected] } },
  options,
});

const selectsNone = (offered: string): WebSocketRule => ({
  says: `selects none and closes when offered ${offered}`,
  request: { headers: { 'Sec-WebSocket-Protocol': offered } },
  response: { status: 101, headers: { 'sec-websocket-protocol': undefined } },
  options: both,
  steps: [{ close: 4406 }],
});

const pongs = (says: string, payload: string): WebSocketRule => ({
  says,
  steps: [{ send: [{ opcode: opcodes.ping, payload }] }, { pong: payload }, ...ready],
});

const echoes = (code: number): WebSocketRule => ({
  says: `answers a close with ${code}`,
  steps: [...ready, { send: [closeFrame(code, 'bye')] }, { close: code, reason: 'bye' }, ended],
});

const limitBytes = 65_536;
const padded = (bytes: number): ClientFrame => {
  const shell = { id: 'p', type: 'subscribe', payload: { query: '{ hello }', pad: '' } };
  const pad = 'x'.repeat(bytes - JSON.stringify(shell).length);
  return textFrame({ ...shell, payload: { ...shell.payload, pad } });
};

const slow = '{ slow }';
const longId = 'é'.repeat(5_000);

/** Server statements of the WebSocket reference that hold without extensions, over HTTP/1.1. */
export const websocketRules = {
  'WS-1': [
    {
      says: 'answers the key of RFC 6455',
      request: { headers: { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' } },
      response: {
        status: 101,
        headers: { 'sec-websocket-accept': ['s3pPLMBiTxaQ9kYGzzhZRbK+xOo='] },
      },
    },
    acceptsKey('AAAAAAAAAAAAAAAAAAAAAA=='),
    acceptsKey('/////////////////////w=='),
    acceptsKey('q83vASNFZ4mrze8BI0VniQ=='),
    acceptsKey('5+2Z/yRZ3xXv1rV0G4mS5A=='),
  ],
  'WS-2': [
    upgradesWith('accepts a list of connection options', { Connection: 'keep-alive, Upgrade' }),
    upgradesWith('accepts connection options on several lines', {
      Connection: ['keep-alive', 'Upgrade'],
    }),
    upgradesWith('accepts capitals in the connection option', { Connection: 'UPGRADE' }),
    upgradesWith('accepts capitals in the protocol to upgrade to', { Upgrade: 'WebSocket' }),
  ],
  'WS-3': [
    refusesVersion('8'),
    refusesVersion('7'),
    refusesVersion('14'),
    refusesVersion('13, 8'),
    refusesVersion('x'),
    refusesVersion(null),
  ],
  'WS-4': [
    refusesWith('refuses a request without a key', 400, { 'Sec-WebSocket-Key': null }),
    refusesWith('refuses a key of 15 bytes', 400, { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAA' }),
    refusesWith('refuses a key of 17 bytes', 400, {
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAAA=',
    }),
    refusesWith('refuses a key that is not base64', 400, {
      'Sec-WebSocket-Key': '*AAAAAAAAAAAAAAAAAAAAA==',
    }),
    refusesWith('refuses an empty key', 400, { 'Sec-WebSocket-Key': '' }),
  ],
  'WS-5': [
    selects('graphql-transport-ws', 'graphql-transport-ws'),
    selects('graphql-ws', 'graphql-ws'),
    selects('graphql-transport-ws, graphql-ws', 'graphql-transport-ws'),
    selects('graphql-ws, graphql-transport-ws', 'graphql-transport-ws'),
    selects('other,graphql-ws , , another', 'graphql-ws'),
  ],
  'WS-6': [
    selects(['graphql-ws', 'graphql-transport-ws'], 'graphql-transport-ws'),
    selects(['other', 'graphql-ws'], 'graphql-ws'),
  ],
  'WS-7': [
    selectsNone('soap'),
    selectsNone('soap, wamp'),
    selectsNone('GraphQL-WS'),
    selectsNone('graphql-ws2'),
  ],
  'WS-8': [
    breaks('an unmasked message closes with 1002', 1002, [{ ...init, masked: false }]),
    breaks('an unmasked ping closes with 1002', 1002, [{ opcode: opcodes.ping, masked: false }]),
    breaks('an unmasked close closes with 1002', 1002, [{ ...closeFrame(1000), masked: false }]),
  ],
  'WS-9': [
    ...[1, 2, 4, 7].map((rsv) =>
      breaks(`the reserved bits ${rsv.toString(2).padStart(3, '0')} close with 1002`, 1002, [
        { ...init, rsv },
      ]),
    ),
    breaks('a reserved bit of a ping closes with 1002', 1002, [{ opcode: opcodes.ping, rsv: 4 }]),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
      breaks(`the reserved opcode ${opcode} closes with 1002`, 1002, [{ opcode }]),
    ),
  ],
  'WS-10': [
    pongs('answers a ping without payload', ''),
    pongs('answers a ping with a payload', 'hello'),
    pongs('answers a ping of 125 bytes', 'x'.repeat(125)),
    {
      says: 'answers a ping between the fragments of a message, before the message',
      steps: [
        {
          send: [
            { opcode: opcodes.text, payload: '{"type":"connec', fin: false },
            { opcode: opcodes.ping, payload: 'between' },
            { opcode: opcodes.continuation, payload: 'tion_init"}' },
          ],
        },
        { pong: 'between' },
        ack,
      ],
    },
    {
      says: 'ignores a pong that it did not ask for',
      steps: [{ send: [{ opcode: opcodes.pong, payload: 'unasked' }] }, ...ready],
    },
  ],
  'WS-11': [
    breaks('a ping of 126 bytes closes with 1002', 1002, [
      { opcode: opcodes.ping, payload: 'x'.repeat(126) },
    ]),
    breaks('a pong of 126 bytes closes with 1002', 1002, [
      { opcode: opcodes.pong, payload: 'x'.repeat(126) },
    ]),
    breaks('a fragmented ping closes with 1002', 1002, [{ opcode: opcodes.ping, fin: false }]),
    breaks('a fragmented close closes with 1002', 1002, [{ ...closeFrame(1000), fin: false }]),
  ],
  'WS-12': [
    {
      says: 'fragments of one byte, cut inside of characters, are one message',
      steps: [
        ...ready,
        { send: inSingleBytes(subscribe('f', '{ echo(text: "aß€😀") }')) },
        ...answered('f', { echo: 'aß€😀' }),
      ],
    },
    {
      says: 'empty fragments belong to the message',
      steps: [
        {
          send: [
            { opcode: opcodes.text, fin: false },
            { opcode: opcodes.continuation, payload: init.payload ?? '', fin: false },
            { opcode: opcodes.continuation },
          ],
        },
        ack,
      ],
    },
    {
      says: 'a fragmented binary message is one message too',
      steps: [{ send: inSingleBytes({ ...init, opcode: opcodes.binary }) }, ack],
    },
    {
      says: 'a frame that arrives byte by byte is one message',
      steps: [...[...toBytes(init)].map((byte) => ({ bytes: Buffer.from([byte]) })), ack],
    },
  ],
  'WS-13': [
    breaks('a new message inside of a fragmented one closes with 1002', 1002, [
      { opcode: opcodes.text, payload: '{', fin: false },
      init,
    ]),
    breaks('a new fragmented message inside of another closes with 1002', 1002, [
      { opcode: opcodes.text, payload: '{', fin: false },
      { opcode: opcodes.binary, payload: '{', fin: false },
    ]),
    breaks('a continuation of nothing closes with 1002', 1002, [
      { opcode: opcodes.continuation, payload: '}' },
    ]),
    breaks('a continuation of a message that is complete closes with 1002', 1002, [
      { opcode: opcodes.text, payload: '{"type":', fin: false },
      { opcode: opcodes.continuation, payload: '"pong"}' },
      { opcode: opcodes.continuation, payload: '}' },
    ]),
  ],
  'WS-14': [
    ...(
      [
        ['a stray continuation byte', [0x80]],
        ['a character that is cut off', [0xe2, 0x82]],
        ['an overlong form', [0xc0, 0xaf]],
        ['a surrogate', [0xed, 0xa0, 0x80]],
        ['a code point beyond the last', [0xf4, 0x90, 0x80, 0x80]],
        ['a byte that never occurs', [0xff]],
      ] as const
    ).map(([what, bytes]) =>
      breaks(`text with ${what} closes with 1007`, 1007, [
        { opcode: opcodes.text, payload: Buffer.from([0x22, ...bytes, 0x22]) },
      ]),
    ),
    breaks('invalid text in the second fragment closes with 1007', 1007, [
      { opcode: opcodes.text, payload: Buffer.from([0x22, 0xe2, 0x82]), fin: false },
      { opcode: opcodes.continuation, payload: Buffer.from([0x22]) },
    ]),
  ],
  'WS-15': [
    ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].map(echoes),
    ...[3000, 3999, 4000, 4999].map(echoes),
    {
      says: 'answers a close without a code with one without a code',
      steps: [...ready, { send: [closeFrame()] }, { close: undefined }, ended],
    },
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535].map((code) =>
      breaks(`a close with ${code} is answered with 1002`, 1002, [closeFrame(code)]),
    ),
  ],
  'WS-16': [
    breaks('a close with one byte is answered with 1002', 1002, [
      { opcode: opcodes.close, payload: Buffer.from([3]) },
    ]),
    breaks('a close whose reason is not UTF-8 is answered with 1007', 1007, [
      closeFrame(1000, Buffer.from([0xc3, 0x28])),
    ]),
    breaks('a close whose reason ends inside of a character is answered with 1007', 1007, [
      closeFrame(1000, Buffer.from([0xe2, 0x82])),
    ]),
  ],
  'WS-17': [
    {
      says: 'results that come after the close of the client are not sent',
      steps: [
        ...ready,
        { send: [subscribe('s', slow), closeFrame(1000)] },
        { close: 1000 },
        { release: 'slow' },
        ended,
      ],
    },
    {
      says: 'the close is the last frame of a busy connection',
      steps: [
        ...ready,
        { send: [subscribe('c', 'subscription { countdown(from: 100000) }')] },
        { send: [closeFrame(1000)] },
        { closeAfterMessages: 1000 },
        ended,
      ],
    },
    {
      says: 'what follows the close of the client is not processed',
      steps: [{ send: [closeFrame(1000), init, { opcode: opcodes.ping }] }, { close: 1000 }, ended],
    },
    {
      says: 'what follows the close of the server is not answered, and its echo ends the connection',
      steps: [
        ...ready,
        { send: [textFrame({ type: 'nonsense' })] },
        { close: 4400 },
        { send: [subscribe('s', '{ hello }'), { opcode: opcodes.ping }, closeFrame(4400)] },
        ended,
      ],
    },
  ],
  'WS-18': [
    {
      says: 'a message at the limit is served',
      steps: [
        ...ready,
        { send: [padded(limitBytes)] },
        ...answered('p', { hello: 'world' }),
        ...alive,
      ],
    },
    breaks('a message one byte above the limit closes with 1009', 1009, [padded(limitBytes + 1)]),
    breaks('the announcement of such a message is enough', 1009, [
      { opcode: opcodes.text, declaredBytes: limitBytes + 1 },
    ]),
    breaks('the announcement of an enormous message is enough', 1009, [
      { opcode: opcodes.binary, declaredBytes: 2 ** 40 },
    ]),
    breaks('fragments that exceed the limit together close with 1009', 1009, [
      { opcode: opcodes.text, payload: ' '.repeat(limitBytes), fin: false },
      { opcode: opcodes.continuation, declaredBytes: 1, fin: false },
    ]),
    {
      says: 'the limit is an option',
      options: { limits: { messageBytes: 100 } },
      steps: [...ready, { send: [padded(101)] }, ...broken(1009)],
    },
  ],
  'WS-19': [
    {
      says: 'a long reason of a refusal is cut between two characters',
      options: { onConnect: () => refuse({ reason: 'nöööö€😀'.repeat(40) }) },
      steps: [{ send: [init] }, { close: 4403, reason: /^(nöööö€😀){7}nöööö$/ }],
    },
    {
      says: 'a long id of a second operation is cut',
      steps: [
        ...ready,
        { send: [subscribe(longId, slow), subscribe(longId, slow)] },
        { close: 4409, reason: /^Subscriber for é+/ },
      ],
    },
    {
      says: 'a long type of an invalid message is cut',
      steps: [...ready, { send: [textFrame({ type: 'ü€'.repeat(1_000) })] }, { close: 4400 }],
    },
  ],
  'WS-20': [
    {
      says: 'a peer that answers no ping is destroyed',
      steps: [
        ...ready,
        { afterMs: 12_000 },
        { ping: 'from the server' },
        { afterMs: 12_000 },
        { close: 4408, reason: 'Ping timeout' },
        { afterMs: 1_000 },
        { destroyed: true },
      ],
    },
    {
      says: 'a peer that answers each ping stays',
      steps: [
        ...ready,
        ...[1, 2, 3].flatMap((): readonly RuleStep[] => [
          { afterMs: 12_000 },
          { ping: 'from the server' },
          { send: [{ opcode: opcodes.pong }, probe] },
          probed,
        ]),
        ...alive,
      ],
    },
    {
      says: 'the periods are options',
      options: { keepAlive: { pingAfterMs: 1_000, pingAnswerMs: 500 } },
      steps: [
        ...ready,
        { afterMs: 1_000 },
        { ping: 'from the server' },
        { afterMs: 500 },
        { close: 4408, reason: 'Ping timeout' },
      ],
    },
  ],
  'WS-21': [
    {
      says: 'a close that the client does not answer ends after 5 s',
      steps: [
        ...ready,
        { send: [textFrame({ type: 'nonsense' })] },
        { close: 4400 },
        { afterMs: 5_000 },
        { destroyed: true },
      ],
    },
    {
      says: 'so does one of a client that never said anything',
      steps: [{ afterMs: 5_000 }, { close: 4408 }, { afterMs: 5_000 }, { destroyed: true }],
    },
  ],
  'WS-22': [
    {
      says: 'frames sent in one segment with the request are processed',
      trailing: [init, { opcode: opcodes.ping, payload: 'early' }],
      steps: [{ pong: 'early' }, ack, ...alive],
    },
    {
      says: 'half a frame sent with the request is completed by what follows',
      trailing: [{ opcode: opcodes.text, payload: '{"type":', fin: false }],
      steps: [{ send: [{ opcode: opcodes.continuation, payload: '"connection_init"}' }] }, ack],
    },
    {
      says: 'a close sent with the request is answered',
      trailing: [closeFrame(1001)],
      steps: [{ close: 1001 }, ended],
    },
  ],
  'RFC 6455 section 5.4': [
    {
      says: 'a message of as many fragments as allowed is served',
      options: { limits: { messageFragments: String(init.payload).length } },
      steps: [{ send: inSingleBytes(init) }, ack],
    },
    {
      says: 'a message of more fragments closes with 1008',
      options: { limits: { messageFragments: String(init.payload).length - 1 } },
      steps: [{ send: inSingleBytes(init) }, ...broken(1008)],
    },
    {
      says: 'a message whose fragments take 10 s closes with 1008, whatever comes between them',
      steps: [
        ...ready,
        { send: [{ opcode: opcodes.text, payload: '{', fin: false }, probe] },
        probed,
        ...[1, 2, 3].flatMap((): readonly RuleStep[] => [
          { afterMs: 3_000 },
          { send: [{ opcode: opcodes.continuation, payload: ' ', fin: false }, probe] },
          probed,
        ]),
        { afterMs: 1_000 },
        { close: 1008, reason: 'Message took too long' },
      ],
    },
    {
      says: 'a frame whose bytes take 10 s closes with 1008',
      steps: [
        ...ready,
        { send: [probe, { opcode: opcodes.text, declaredBytes: 100, payload: '{' }] },
        probed,
        { afterMs: 10_000 },
        { close: 1008, reason: 'Message took too long' },
      ],
    },
    {
      says: 'a message that is complete by then is served, and the next has its own time',
      steps: [
        { send: [{ opcode: opcodes.text, payload: '{"type":', fin: false }, probe] },
        probed,
        { afterMs: 4_900 },
        { send: [{ opcode: opcodes.continuation, payload: '"connection_init"}' }] },
        ack,
        { send: [{ opcode: opcodes.text, payload: '{', fin: false }, probe] },
        probed,
        { afterMs: 9_900 },
        { send: [{ opcode: opcodes.continuation, payload: '"type":"pong"}' }] },
        ...alive,
      ],
    },
  ],
} as const satisfies Readonly<Record<string, readonly WebSocketRule[]>>;
