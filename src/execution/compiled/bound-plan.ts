import type { ExecutionResult } from 'graphql';

import type { Binding } from './binding.ts';
import type { PlanOwner, PlanRoom } from './plan-room.ts';
import { Run } from './run.ts';
import type { RunInput } from './run.ts';
import type { Selection } from './selection.ts';
import type { Semantics } from './semantics.ts';

/** An operation with variables: executes however often. */
export interface BoundOperation {
  execute(input: RunInput): ExecutionResult | Promise<ExecutionResult>;
}

/** What a {@link BoundPlan} is made of. */
export interface BoundPlanParts {
  readonly binding: Binding;
  readonly semantics: Semantics;
  readonly room: PlanRoom;
  readonly owner: PlanOwner;
  /** Whether the fields are executed one after the other. */
  readonly isSerial: boolean;
  /** Makes the plan again, once the room has let go of it. */
  readonly compile: () => Selection;
}

/** A plan that many may have, with variables that are one's own. An object and no closure: events of many subscriptions pass through one each. */
export class BoundPlan implements BoundOperation {
  readonly #binding: Binding;
  readonly #semantics: Semantics;
  readonly #room: PlanRoom;
  readonly #owner: PlanOwner;
  readonly #isSerial: boolean;
  readonly #compile: () => Selection;

  constructor(parts: BoundPlanParts) {
    this.#binding = parts.binding;
    this.#semantics = parts.semantics;
    this.#room = parts.room;
    this.#owner = parts.owner;
    this.#isSerial = parts.isSerial;
    this.#compile = parts.compile;
  }

  /** The plan. @throws GraphQLError for a directive whose arguments cannot be had */
  get(): Selection {
    const known = this.#room.get(this.#owner);
    if (known) return known;
    const made = this.#compile();
    this.#room.set(this.#owner, made);
    return made;
  }

  execute(input: RunInput): ExecutionResult | Promise<ExecutionResult> {
    const run = new Run(this.#binding, this.#semantics, input);
    return this.#isSerial ? run.executeSerially(this.get()) : run.execute(this.get());
  }
}
