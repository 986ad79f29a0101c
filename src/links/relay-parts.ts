import type { OperationResult } from '../client/operation-handle.ts';
import type { FormattedError } from '../vocabulary.ts';
import { mergeValues, replaceAt, valueAt } from './place.ts';
import type { Path } from './place.ts';

/** A response as Relay takes it: parts have a label and a path, and the last one says so in `extensions.is_final`. */
export interface RelayResponse extends Pick<OperationResult, 'errors' | 'extensions'> {
  readonly data?: unknown;
  readonly label?: string;
  readonly path?: Path;
}

/** A part that was announced by `pending`. */
interface Announced {
  readonly id: string;
  readonly label?: string;
  readonly path: Path;
}

/** What is delivered in `incremental`, of either format, or alone in the oldest one. */
interface Delivered extends RelayResponse {
  readonly items?: readonly unknown[] | null;
  readonly id?: string;
  readonly subPath?: Path;
}

/** A payload of an answer that comes in parts, in any of the formats that servers use. */
type Payload = Delivered & {
  readonly hasNext?: boolean;
  readonly pending?: readonly Announced[];
  readonly incremental?: readonly Delivered[];
  readonly completed?: readonly {
    readonly id: string;
    readonly errors?: readonly FormattedError[];
  }[];
};

/**
 * Translates the payloads of one answer with `@defer` and `@stream` for Relay, which takes each fragment whole and each item by itself.
 *
 * @remarks
 * Where servers announce parts they send nothing twice, so that of a fragment only what nobody else has asked for comes with it. It is taken from the whole answer then.
 */
export class RelayParts {
  #data: unknown;
  readonly #announced = new Map<string, Announced>();

  /** What Relay gets of a payload, in order; perhaps nothing. */
  translate(result: OperationResult): readonly RelayResponse[] {
    const payload = result as Payload; // with what is in it if it is a part
    const { pending = [], incremental = [], completed = [], extensions } = payload;
    for (const announced of pending) this.#announced.set(announced.id, announced);
    const responses: RelayResponse[] = [
      ...this.#take(payload),
      ...incremental.flatMap((delivered) => this.#deliver(delivered)),
      ...completed.flatMap((each) => this.#complete(each)),
    ];
    const isFinal = payload.hasNext !== true;
    // an answer may end with a word that brings nothing
    const last = responses.pop() ?? (isFinal ? { data: null } : undefined);
    if (!last || !(isFinal || extensions)) return last ? [...responses, last] : [];
    const more = { ...extensions, ...last.extensions, ...(isFinal && { is_final: true }) };
    return [...responses, { ...last, extensions: more }];
  }

  /** What a payload is by itself: where an answer begins, or a part of the oldest format. */
  #take({ data, errors, label, path }: Payload): readonly RelayResponse[] {
    if (data === undefined && !errors) return [];
    if (path === undefined) this.#data = data;
    const place = path && { path, ...(label !== undefined && { label }) };
    return [{ ...(data !== undefined && { data }), ...(errors && { errors }), ...place }];
  }

  #deliver(delivered: Delivered): readonly RelayResponse[] {
    const { id, subPath = [], items, data, ...place } = delivered;
    const announced = id === undefined ? undefined : this.#announced.get(id);
    if (!announced) return items ? toItems(place, items) : [{ ...place, data }];
    const path = [...announced.path, ...subPath];
    if (!items) {
      this.#data = replaceAt(this.#data, path, (known) => mergeValues(known, data));
      return [];
    }
    const list = valueAt(this.#data, path);
    const known: readonly unknown[] = Array.isArray(list) ? list : [];
    this.#data = replaceAt(this.#data, path, () => [...known, ...items]);
    return toItems({ ...labelOf(announced), path: [...path, known.length] }, items);
  }

  #complete({ id, errors }: { readonly id: string; readonly errors?: readonly FormattedError[] }) {
    const announced = this.#announced.get(id);
    this.#announced.delete(id);
    const data = announced && valueAt(this.#data, announced.path);
    // items of a list were given one by one
    if (!announced || (Array.isArray(data) && !errors)) return [];
    const place = { ...labelOf(announced), path: announced.path };
    return [errors ? { ...place, data: null, errors } : { ...place, data }];
  }
}

function labelOf({ label }: Announced): Pick<RelayResponse, 'label'> {
  return label === undefined ? {} : { label };
}

/** @param first - the place of the first of them */
function toItems(first: RelayResponse, items: readonly unknown[]): readonly RelayResponse[] {
  const { path = [], ...others } = first;
  const index = Number(path.at(-1));
  return items.map((data, at) => ({ ...others, path: [...path.slice(0, -1), index + at], data }));
}
