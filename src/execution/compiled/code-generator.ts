import { LRUCache } from 'lru-cache';

import { hole } from './plan.ts';
import type { Completer, Container, FieldPlan, SelectionPlan } from './plan.ts';
import type { Run } from './run.ts';
import { selectionParameters, writeSelection } from './selection-code.ts';

/** Characters of the texts whose functions are kept for further selections that look the same. */
const keptCharacters = 4_000_000;

type MakeCompleter = (
  fields: SelectionPlan,
  depth: number,
  hole: unknown,
  goOn: typeof goOnAfter,
) => Completer;

/** What `Function` is in a realm. */
type FunctionOf = new (...parametersAndBody: string[]) => unknown;

/** Writes JavaScript for selections, on runtimes that allow it. */
export class CodeGenerator {
  readonly #functionOf: FunctionOf;
  readonly #makers = new LRUCache<string, MakeCompleter>({
    maxSize: keptCharacters,
    sizeCalculation: (_make, text) => text.length,
  });
  #isForbidden = false;
  #texts = 0;

  /** @param functionOf - the constructor of a realm, which may forbid code from strings */
  constructor(functionOf: FunctionOf = Function) {
    this.#functionOf = functionOf;
  }

  /** How many texts were made functions of. */
  get texts(): number {
    return this.#texts;
  }

  /** A completer for objects with these fields, with `depth` containers around them; `undefined` where closures have to do. */
  generate(fields: SelectionPlan, depth: number): Completer | undefined {
    const make = this.#makerOf(fields);
    return make?.(fields, depth, hole, goOnAfter);
  }

  #makerOf(fields: SelectionPlan): MakeCompleter | undefined {
    const text = this.#isForbidden ? undefined : writeSelection(fields);
    if (text === undefined) return undefined;
    const known = this.#makers.get(text);
    if (known) return known;
    const make = this.#evaluate(text);
    if (make) this.#makers.set(text, make);
    return make;
  }

  #evaluate(text: string): MakeCompleter | undefined {
    try {
      const make = new this.#functionOf(...selectionParameters, text);
      this.#texts += 1;
      return make as MakeCompleter; // the text says so
    } catch {
      // a policy of the runtime, which does not change: closures do the same
      this.#isForbidden = true;
      return undefined;
    }
  }
}

/** The field at `index` failed: if its object goes on, so do the fields after it. */
function goOnAfter(run: Run, { fields, index, error, source, target }: Failed): void {
  const field = fields[index] as FieldPlan; // it was executed
  run.failAt(field.place, error, target);
  run.executeFields(fields.slice(index + 1), source, target);
}

interface Failed {
  readonly fields: SelectionPlan;
  readonly index: number;
  readonly error: unknown;
  readonly source: unknown;
  readonly target: Container;
}
