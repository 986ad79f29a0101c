import fc from 'fast-check';

/** One operation of the real client. */
export interface ResumingSpec {
  /** Shared, shared with a filter of its own, or executed for each. */
  readonly field: 'tick' | 'even' | 'own';
  readonly onGap: 'fail' | 'tell';
  readonly protocol: 'current' | 'older';
  readonly consumer: 'observer' | 'iterator';
}

/** Something that happens between clients and a server; `which` counts round the newest connections. */
export type ResumeClientAct =
  /** At once, so that nobody reads in between. */
  | { readonly kind: 'publish'; readonly events: number }
  | { readonly kind: 'start'; readonly spec: ResumingSpec }
  /** Without a close frame; what is under way is lost. */
  | { readonly kind: 'cut'; readonly which: number }
  | { readonly kind: 'stall'; readonly which: number }
  | { readonly kind: 'release'; readonly which: number }
  | { readonly kind: 'network'; readonly is: 'there' | 'gone' }
  | { readonly kind: 'wait'; readonly ms: number };

const which = fc.nat(30);

export const resumeClientAct: fc.Arbitrary<ResumeClientAct> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant('publish'),
      events: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(1, 2) }, fc.constant(12)),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('start'),
      spec: fc.record({
        field: fc.constantFrom('tick', 'even', 'own'),
        onGap: fc.constantFrom('tell', 'tell', 'fail'),
        protocol: fc.constantFrom('current', 'older'),
        consumer: fc.constantFrom('observer', 'iterator'),
      }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('cut'), which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('stall', 'release'), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('network'),
      is: fc.constantFrom('there', 'there', 'gone'),
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant('wait'),
      ms: fc.oneof(fc.constant(0), fc.nat(3_000), fc.nat(20_000)),
    }),
  },
);

/** Whether an event is for a subscriber to this field. */
export function passes({ field }: Pick<ResumingSpec, 'field'>, n: number): boolean {
  return field !== 'even' || n % 2 === 0;
}
