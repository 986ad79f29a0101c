/** Inclusive ranges of the numbered statements of the protocol reference that concern what is built. */
const ranges = {
  TW: [
    [1, 56],
    [60, 81],
  ],
  LW: [
    [1, 32],
    [40, 53],
  ],
  WS: [
    [1, 23],
    [30, 35],
    [40, 46],
    [50, 52],
  ],
  GH: [
    [1, 41],
    [60, 69],
  ],
  SSE: [
    [1, 19],
    [30, 46],
    [60, 71],
  ],
  AS: [
    [1, 23],
    [40, 54],
  ],
  UP: [
    [1, 24],
    [40, 46],
  ],
  MP: [
    [1, 18],
    [30, 48],
  ],
  CB: [
    [1, 20],
    [40, 54],
  ],
  ID: [
    [1, 30],
    [50, 64],
  ],
} as const satisfies Record<string, readonly (readonly [number, number])[]>;

/** Every statement that must be shown by a test, or listed in {@link notMet}. */
export const statements: readonly string[] = Object.entries(ranges).flatMap(([prefix, spans]) =>
  spans.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => `${prefix}-${first + index}`),
  ),
);

const ofRouters = Object.fromEntries(
  Array.from({ length: 15 }, (_, index) => [
    `CB-${40 + index}`,
    'who subscribes by HTTP callbacks is a router in front of several servers, and this package has none',
  ]),
);

const overHttp2 =
  'WebSockets over HTTP/2 are not announced, so clients take HTTP/1.1 for them; over HTTP/2 there are event streams';

/** Statements that we choose not to meet, each with its reason. */
export const notMet: Readonly<Record<string, string>> = {
  ...ofRouters,
  'WS-50': overHttp2,
  'WS-52': overHttp2,
};
