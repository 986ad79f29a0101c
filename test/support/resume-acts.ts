import fc from 'fast-check';

/** What an event is to whoever executes it. */
export type EventKind =
  | 'plain'
  /** So large that a log holds few of them. */
  | 'large'
  /** Its execution waits for a gate. */
  | 'slow'
  /** Has a property that is a function of the context. */
  | 'touching';

/** Executed for all, for all of a team, or for each subscriber. */
export type FieldKind = 'shared' | 'audience' | 'own';

export type CarrierKind = 'graphql-transport-ws' | 'subscriptions-transport-ws' | 'sse';

/** How a subscriber chooses among events; the one with a gate answers when somebody lets it. */
export type FilterKind = 'none' | 'even' | 'even, later' | 'even, gated' | 'fails';

/** Which maps a source has: those with the same share. */
export type MapKind = 'none' | 'marking' | 'marking later';

/** One subscriber, over all its connections. */
export interface SubscriberSpec {
  readonly field: FieldKind;
  readonly team: 'red' | 'blue';
  readonly carrier: CarrierKind;
  readonly isOptedIn: boolean;
  readonly failsOnGap: boolean;
  readonly filter: FilterKind;
  readonly map: MapKind;
  /** Whether it starts with two rows, of which the second waits for a gate. */
  readonly hasSnapshot: boolean;
}

/** What a new subscriber brings along. */
export type Bringing =
  | { readonly kind: 'nothing' }
  /** The token of any result or report so far. */
  | { readonly kind: 'token of somebody'; readonly which: number }
  /** The same with one character changed. */
  | { readonly kind: 'broken token'; readonly which: number; readonly at: number };

/** Something that happens to servers and subscribers that come back; `which` counts round what there is. */
export type ResumeAct =
  /** At once, so that nobody reads in between. */
  | { readonly kind: 'publish'; readonly events: readonly EventKind[] }
  | {
      readonly kind: 'subscribe';
      readonly spec: SubscriberSpec;
      readonly bringing: Bringing;
      readonly which: number;
    }
  | { readonly kind: 'unsubscribe'; readonly which: number }
  /** A connection is gone without a word; the last of what was sent on it never arrived. */
  | { readonly kind: 'cut'; readonly which: number; readonly lost: number }
  /** Somebody who was cut off goes on, on any server. */
  | { readonly kind: 'come back'; readonly which: number; readonly server: number }
  | { readonly kind: 'open gate'; readonly which: number }
  /** A connection takes nothing any more. */
  | { readonly kind: 'stall'; readonly which: number }
  | { readonly kind: 'release'; readonly which: number }
  /** Whatever can happen meanwhile without anybody doing anything happens. */
  | { readonly kind: 'wait'; readonly ms: number }
  /** A server makes room for another one over the same broker. */
  | { readonly kind: 'replace'; readonly which: number; readonly how: 'drain' | 'close' }
  /** All servers begin anew, with another broker. */
  | { readonly kind: 'restart' };

const which = fc.nat(30);

function mostly<Value>(usual: Value, times: number, ...others: readonly Value[]) {
  return fc.oneof(
    { weight: times, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}

const event = fc.oneof(
  { weight: 7, arbitrary: fc.constant<EventKind>('plain') },
  { weight: 3, arbitrary: fc.constantFrom<EventKind>('large', 'slow', 'touching') },
);

function toSpec(
  carrier: fc.Arbitrary<CarrierKind>,
  hasSnapshot: fc.Arbitrary<boolean>,
): fc.Arbitrary<SubscriberSpec> {
  return fc.record({
    field: mostly<FieldKind>('shared', 2, 'audience', 'own'),
    team: fc.constantFrom('red', 'blue'),
    carrier,
    isOptedIn: mostly<boolean>(true, 4, false),
    failsOnGap: mostly<boolean>(false, 5, true),
    filter: mostly<FilterKind>('none', 2, 'even', 'even, later', 'even, gated', 'fails'),
    map: mostly<MapKind>('none', 4, 'marking', 'marking later'),
    hasSnapshot,
  });
}

const carrier = mostly<CarrierKind>('graphql-transport-ws', 2, 'subscriptions-transport-ws', 'sse');
const spec = toSpec(carrier, mostly<boolean>(false, 5, true));

const bringing: fc.Arbitrary<Bringing> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Bringing>({ kind: 'nothing' }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('token of somebody'), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('broken token'), which, at: fc.nat(90) }) },
);

const publish = fc.oneof(
  { weight: 12, arbitrary: fc.array(event, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(event, { minLength: 6, maxLength: 14 }) },
);

const cut = fc.record({
  kind: fc.constant('cut'),
  which,
  lost: fc.oneof(fc.constant(0), fc.nat(4)),
});
const comeBack = fc.record({ kind: fc.constant('come back'), which, server: which });
const openGate = fc.record({ kind: fc.constant('open gate'), which });
const settle = fc.constant<ResumeAct>({ kind: 'wait', ms: 0 });

/** Everything but connections that do not read. */
export const resumeAct: fc.Arbitrary<ResumeAct> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: fc.constant('publish'), events: publish }) },
  { weight: 14, arbitrary: fc.record({ kind: fc.constant('subscribe'), spec, bringing, which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('unsubscribe'), which }) },
  { weight: 12, arbitrary: cut },
  { weight: 16, arbitrary: comeBack },
  { weight: 16, arbitrary: openGate },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('wait'),
      ms: fc.oneof(fc.nat(3_000), fc.nat(30_000)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('replace'),
      which,
      how: fc.constantFrom('drain', 'close'),
    }),
  },
  { weight: 1, arbitrary: fc.constant<ResumeAct>({ kind: 'restart' }) },
  { weight: 30, arbitrary: settle },
);

/** Rows have no place in their log, so nobody could say which of them were dropped. */
const slowSpec = toSpec(carrier, fc.constant(false));

/** What happens to subscribers that read slowly. */
export const stallingAct: fc.Arbitrary<ResumeAct> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: fc.constant('publish'), events: publish }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('subscribe'),
      spec: slowSpec,
      bringing: fc.constant<Bringing>({ kind: 'nothing' }),
      which,
    }),
  },
  { weight: 3, arbitrary: cut },
  { weight: 8, arbitrary: comeBack },
  { weight: 8, arbitrary: openGate },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('stall'), which }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('release'), which }) },
  { weight: 30, arbitrary: settle },
);
