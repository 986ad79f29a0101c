import type { CodeGenerator } from './code-generator.ts';
import { hotAfter } from './hot-after.ts';
import type { Completer, Container, SelectionPlan } from './plan.ts';
import type { Run } from './run.ts';

/** The fields of an object of one type, which are executed by closures, and by code of their own once that is worth it. */
export class Selection {
  readonly fields: SelectionPlan;
  readonly #depth: number;
  #generator: CodeGenerator | undefined;
  #objects = 0;
  #generated: Completer | undefined;

  /** @param depth - how many containers are around its objects */
  constructor(fields: SelectionPlan, depth: number, generator: CodeGenerator | undefined) {
    this.fields = fields;
    this.#depth = depth;
    this.#generator = generator;
  }

  /** An object of the response. */
  complete(run: Run, source: unknown): unknown {
    if (this.#generated) return this.#generated(run, source);
    const generated = this.#generator && this.#generateIfHot(this.#generator);
    return generated ? generated(run, source) : this.#interpret(run, source);
  }

  #interpret(run: Run, source: unknown): Container {
    const target: Container = {};
    run.objects[this.#depth] = target;
    run.executeFields(this.fields, source, target);
    return target;
  }

  #generateIfHot(generator: CodeGenerator): Completer | undefined {
    this.#objects += 1;
    if (this.#objects <= hotAfter) return undefined;
    this.#generator = undefined;
    this.#generated = generator.generate(this.fields, this.#depth);
    return this.#generated;
  }
}
