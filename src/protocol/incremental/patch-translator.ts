import type { FormattedError } from '../../vocabulary.ts';
import type { DeferPlan } from './defer-plan.ts';
import { DeliveredFields } from './delivered-fields.ts';
import { DeliveredValues } from './delivered-values.ts';
import type {
  CompletedPart,
  IncrementalEntry,
  IncrementalPayload,
  Patch,
  PatchPayload,
  PendingPart,
  ResponsePath,
} from './payloads.ts';

/**
 * Turns the payloads of one answer in `incrementalSpec=v0.2` into those of `deferSpec=20220824`.
 *
 * @remarks
 * The newer format sends each field once, under any of the fragments that want it. The older one has one patch per fragment with all of its fields,
 * because readers take the patch for the fragment: it is written when the fragment is complete, from everything that was delivered till then.
 */
export class PatchTranslator {
  readonly #delivered: DeliveredFields;
  readonly #announced = new Map<string, Announced>();
  #announcements = 0;

  constructor(plan: DeferPlan) {
    this.#delivered = new DeliveredFields(plan);
  }

  /** The payload to send in place of `payload`; `undefined` if it says nothing in the older format. */
  translate(payload: IncrementalPayload): PatchPayload | undefined {
    const { pending = [], incremental = [], completed = [], ...rest } = payload;
    const isFirst = 'data' in payload;
    if (isFirst) this.#delivered.start(payload.data);
    if (pending.length > 0) this.#announce(pending, payload);
    const patches = [
      ...this.#deliver(incremental, completed),
      ...this.#complete(completed),
    ].toSorted(byAnnouncement);
    for (const { id } of completed) this.#announced.delete(id);
    if (patches.length > 0) return { ...rest, incremental: patches.map(({ patch }) => patch) };
    const saysMore = isFirst || !payload.hasNext || payload.extensions !== undefined;
    return saysMore ? rest : undefined;
  }

  #announce(pending: readonly PendingPart[], payload: IncrementalPayload): void {
    const values = new DeliveredValues(payload, this.#announced);
    for (const { id, path, label } of pending) {
      this.#announcements += 1;
      const order = this.#announcements;
      const nextIndex = values.lengthAt(path);
      const part: Announced = { order, path, label, nextIndex, errors: [] };
      this.#announced.set(id, part);
      values.place(id, part);
    }
  }

  /** Items leave at once; fields wait until their fragment is complete. */
  #deliver(
    entries: readonly IncrementalEntry[],
    completed: readonly CompletedPart[],
  ): PlacedPatch[] {
    const patches: PlacedPatch[] = [];
    const completing = new Set(toIds(completed).map((id) => this.#announced.get(id)));
    // what several fragments want stands under one that need not be the first to be complete: its errors are told with that
    const firstComplete = [...completing].find(isFragment);
    for (const { id, data, subPath = [], items, errors = [] } of entries) {
      const part = this.#announced.get(id);
      if (part && items) {
        patches.push({ part, patch: toItemsPatch(part, items, errors) });
        this.#delivered.append(part.path, items);
        part.nextIndex = (part.nextIndex ?? 0) + items.length;
      } else if (part) {
        this.#delivered.merge([...part.path, ...subPath], data);
        const teller = completing.has(part) ? part : (firstComplete ?? part);
        for (const error of errors) teller.errors.push(error);
      }
    }
    return patches;
  }

  #complete(completed: readonly CompletedPart[]): PlacedPatch[] {
    return completed.flatMap(({ id, errors }) => {
      const part = this.#announced.get(id);
      if (!part) return [];
      if (errors) return [{ part, patch: toFailure(part, errors) }];
      return isFragment(part) ? [{ part, patch: this.#toFragmentPatch(part) }] : [];
    });
  }

  #toFragmentPatch(part: Announced): Patch {
    const { path, label, errors } = part;
    return { data: this.#delivered.select(path, label), path, ...told(part, errors) };
  }
}

/** A fragment or list that was announced and is not complete. */
interface Announced {
  /** Parents are announced before what is inside of them. */
  readonly order: number;
  readonly path: ResponsePath;
  readonly label: string | undefined;
  /** `undefined` for a fragment. */
  nextIndex: number | undefined;
  /** Of fields that were delivered and not yet sent. */
  readonly errors: FormattedError[];
}

interface PlacedPatch {
  readonly part: Announced;
  readonly patch: Patch;
}

function toIds(completed: readonly CompletedPart[]): readonly string[] {
  return completed.filter(({ errors }) => errors === undefined).map(({ id }) => id);
}

function byAnnouncement(one: PlacedPatch, other: PlacedPatch): number {
  return one.part.order - other.part.order;
}

function isFragment(part: Announced | undefined): part is Announced {
  return part !== undefined && part.nextIndex === undefined;
}

function toItemsPatch(
  part: Announced,
  items: readonly unknown[],
  errors: readonly FormattedError[],
): Patch {
  return { items, path: [...part.path, part.nextIndex ?? 0], ...told(part, errors) };
}

function toFailure(part: Announced, errors: readonly FormattedError[]): Patch {
  const all = told(part, [...part.errors, ...errors]);
  const { path, nextIndex } = part;
  return nextIndex === undefined
    ? { data: null, path, ...all }
    : { items: null, path: [...path, nextIndex], ...all };
}

function told(
  { label }: Announced,
  errors: readonly FormattedError[],
): { readonly label?: string; readonly errors?: readonly FormattedError[] } {
  return { ...(label !== undefined && { label }), ...(errors.length > 0 && { errors }) };
}
