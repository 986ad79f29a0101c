import fc from 'fast-check';

/** What an event is to whoever executes it. */
export type EventKind =
  | 'plain'
  /** Its execution waits for a gate. */
  | 'slow'
  /** A function of the context. */
  | 'own'
  /** Has a property that is a function of the context. */
  | 'touching'
  /** Both: found out only once the execution is over. */
  | 'slow and touching';

/** How a subscriber chooses among events; those with a gate answer when somebody lets them. */
export type FilterKind = 'none' | 'even' | 'even, later' | 'even, gated' | 'fails' | 'fails, gated';

/** Which maps a source has: those with the same share. */
export type MapKind = 'none' | 'marking' | 'marking later';

/** One subscriber. */
export interface SubscriberSpec {
  readonly filter: FilterKind;
  readonly map: MapKind;
  /** Whether its subscribe resolver waits for a gate after it has made its source. */
  readonly isLate: boolean;
  /** Whether it starts with two rows, of which the second waits for a gate. */
  readonly hasSnapshot: boolean;
}

/** Something that happens to a server whose subscriptions share; `which` counts round what there is. */
export type SharingAct =
  | { readonly kind: 'publish'; readonly event: EventKind }
  | { readonly kind: 'subscribe'; readonly spec: SubscriberSpec; readonly which: number }
  | { readonly kind: 'unsubscribe'; readonly which: number }
  | { readonly kind: 'open gate'; readonly which: number }
  /** Of all subscribers of one connection. */
  | { readonly kind: 'disconnect'; readonly which: number }
  /** Its socket takes nothing more: the server closes it when it is to be sent something. */
  | { readonly kind: 'stall'; readonly which: number }
  | { readonly kind: 'end source'; readonly how: 'complete' | 'fail' }
  /** Whatever can happen without anybody doing anything happens. */
  | { readonly kind: 'settle' };

const which = fc.nat(30);

const spec: fc.Arbitrary<SubscriberSpec> = fc.record({
  filter: fc.oneof(
    { weight: 3, arbitrary: fc.constant<FilterKind>('none') },
    {
      weight: 4,
      arbitrary: fc.constantFrom<FilterKind>(
        'even',
        'even, later',
        'even, gated',
        'fails',
        'fails, gated',
      ),
    },
  ),
  map: fc.oneof(
    { weight: 5, arbitrary: fc.constant<MapKind>('none') },
    { weight: 2, arbitrary: fc.constantFrom<MapKind>('marking', 'marking later') },
  ),
  isLate: fc.oneof(
    { weight: 4, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  hasSnapshot: fc.oneof(
    { weight: 5, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
});

const event: fc.Arbitrary<EventKind> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<EventKind>('plain') },
  { weight: 3, arbitrary: fc.constant<EventKind>('slow') },
  {
    weight: 3,
    arbitrary: fc.constantFrom<EventKind>('own', 'touching', 'slow and touching'),
  },
);

export const sharingAct: fc.Arbitrary<SharingAct> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: fc.constant('publish'), event }) },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('subscribe'), spec, which }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('unsubscribe'), which }) },
  { weight: 25, arbitrary: fc.record({ kind: fc.constant('open gate'), which }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('disconnect'), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('stall'), which }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('end source'),
      how: fc.constantFrom('complete', 'fail'),
    }),
  },
  { weight: 45, arbitrary: fc.constant<SharingAct>({ kind: 'settle' }) },
);
