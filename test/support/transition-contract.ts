import { describe, expect, it } from 'vitest';

import type { ClientSubscriptionOutput } from '../../src/protocol/appsync/client-subscription.ts';
import type { EmitterOutput } from '../../src/protocol/callback/emitter.ts';
import type { ClientOutput, ServerOutput } from '../../src/protocol/connection.ts';
import type { Transition } from '../../src/protocol/transition.ts';

type Output = ServerOutput | ClientOutput | ClientSubscriptionOutput | EmitterOutput;

/** How a test brings a machine into each state and makes each event happen to it. */
export interface Driver<Machine, Options, State extends string, Event extends string> {
  readonly reach: Readonly<Record<State, (options: Options) => Machine>>;
  readonly cause: Readonly<Record<Event, Cause<Machine, Options>>>;
  stateOf(machine: Machine): State;
}

export interface Cause<Machine, Options> {
  /** Turns off the periods that would come before the one that the event is about. */
  readonly options?: Options;
  apply(machine: Machine): readonly Output[];
}

/** Compares a machine with its table: every event in every state has one row, and the machine does what it says. */
export function transitionContract<Machine, Options, State extends string, Event extends string>(
  name: string,
  rows: readonly Transition<State, Event>[],
  driver: Driver<Machine, Options, State, Event>,
  none: Options,
): void {
  // `Object.keys` forgets what the types of the two records say: their keys are the states and the events.
  const states = Object.keys(driver.reach) as State[];
  const events = Object.keys(driver.cause) as Event[];
  const cases = states.flatMap((state) => events.map((event) => ({ state, event })));

  describe(`transitions of the ${name}`, () => {
    it.each(cases)('in state $state, on $event, does what its table says', ({ state, event }) => {
      const matching = rows.filter((row) => row.state === state && row.on.includes(event));
      const cause = driver.cause[event];
      const machine = driver.reach[state](cause.options ?? none);
      const before = driver.stateOf(machine);

      const does = cause.apply(machine).map(actionOf);

      expect(before).toBe(state);
      expect(matching.map((row) => ({ next: row.next, does: row.does }))).toEqual([
        { next: driver.stateOf(machine), does },
      ]);
    });

    it('has no row for a state or an event that the machine does not have', () => {
      expect(rows.filter((row) => !states.includes(row.state))).toEqual([]);
      expect(rows.flatMap((row) => row.on).filter((event) => !events.includes(event))).toEqual([]);
    });
  });
}

/** An output in the words of the tables. */
export function actionOf(output: Output): string {
  if (output.kind === 'send') return `send ${messageOf(output.frame).type}`;
  return output.kind === 'close' ? `close ${output.code}` : output.kind;
}

export interface WireMessage {
  readonly id?: string | number | null;
  readonly type: string;
  readonly payload?: unknown;
}

/** The message in a frame that one of our machines wrote. */
export function messageOf(frame: string): WireMessage {
  return JSON.parse(frame) as WireMessage; // our machines write nothing else
}
