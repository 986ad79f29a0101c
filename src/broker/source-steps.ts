import { UsageError } from '../errors.ts';
import type { Snapshot, SourceItem } from '../stream/source.ts';
import type { Position } from '../vocabulary.ts';

/** One call on a source, in the order of the calls. */
export type SourceStep =
  | { readonly kind: 'filter'; readonly predicate: (event: unknown) => unknown }
  | { readonly kind: 'map'; readonly transform: (event: unknown) => unknown }
  | { readonly kind: 'start-with'; readonly snapshot: () => Snapshot<unknown> };

/** What the steps made of one event; `undefined` if a filter dropped it. */
export type StepOutcome = SourceItem<unknown> | undefined;

/** An event on its way through the steps. */
interface Passage {
  readonly steps: readonly SourceStep[];
  readonly position: Position | undefined;
}

/** Sends one event through the filters and maps of `steps`; a promise only if one of them gives one. Never throws or rejects. */
export function applySteps(
  steps: readonly SourceStep[],
  event: unknown,
  position?: Position,
): StepOutcome | Promise<StepOutcome> {
  return passFrom({ steps, position }, 0, event);
}

function passFrom(
  passage: Passage,
  start: number,
  event: unknown,
): StepOutcome | Promise<StepOutcome> {
  let current = event;
  for (let i = start; i < passage.steps.length; i++) {
    const step = passage.steps[i];
    if (step === undefined || step.kind === 'start-with') continue;
    try {
      const answer = applyStep(step, current);
      if (isThenable(answer)) return passLater(passage, { index: i, event: current, answer });
      if (step.kind === 'map') current = answer;
      else if (!answer) return undefined;
    } catch (error) {
      return toErrorItem(error, passage.position);
    }
  }
  return toItem(current, passage.position);
}

async function passLater(
  passage: Passage,
  halt: { readonly index: number; readonly event: unknown; readonly answer: PromiseLike<unknown> },
): Promise<StepOutcome> {
  try {
    const answer = await halt.answer;
    if (passage.steps[halt.index]?.kind === 'map')
      return await passFrom(passage, halt.index + 1, answer);
    return answer ? await passFrom(passage, halt.index + 1, halt.event) : undefined;
  } catch (error) {
    return toErrorItem(error, passage.position);
  }
}

/** What a filter answers, or what a map makes of `event`; throws what they throw. A function ("query on delivery") is mapped by composition. */
export function applyStep(
  step: Exclude<SourceStep, { kind: 'start-with' }>,
  event: unknown,
): unknown {
  if (step.kind === 'map')
    return isEventFunction(event) ? compose(event, step.transform) : step.transform(event);
  if (!isEventFunction(event)) return step.predicate(event);
  throw new UsageError(
    'A filter cannot judge an event that is a function: nothing is known of it before delivery. Filter inside the function, or publish plain events',
  );
}

function compose(
  event: (context: unknown) => unknown,
  transform: (event: unknown) => unknown,
): unknown {
  return async (context: unknown) => transform(await event(context));
}

function toItem(event: unknown, position: Position | undefined): SourceItem<unknown> {
  return position === undefined ? { kind: 'event', event } : { kind: 'event', event, position };
}

function toErrorItem(error: unknown, position: Position | undefined): SourceItem<unknown> {
  return position === undefined
    ? { kind: 'event-error', error }
    : { kind: 'event-error', error, position };
}

function isEventFunction(event: unknown): event is (context: unknown) => unknown {
  return typeof event === 'function';
}

/** Whether `value` has to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
