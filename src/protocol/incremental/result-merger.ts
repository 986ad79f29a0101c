import { ProtocolViolation } from '../../errors.ts';
import type { FormattedError, FormattedResult } from '../../vocabulary.ts';
import { isJsonObject } from '../json-frame.ts';
import type { JsonObject } from '../json-frame.ts';
import type { ResponsePath } from './payloads.ts';
import { ResponseTree } from './response-tree.ts';

/** What came of a payload. */
export interface Merging {
  /**
   * `whole`: it is a result by itself, of which nothing is kept. `part`: more of the answer will come. `last`: the answer is complete.
   */
  readonly kind: 'whole' | 'part' | 'last';
  /** Whether the result that is shown has changed. */
  readonly isNews: boolean;
}

/**
 * Puts the payloads of answers together that come one after the other, in whichever format they are.
 *
 * @remarks
 * Reads `incrementalSpec=v0.2`, `deferSpec=20220824`, and patches that are payloads by themselves, as the first servers sent them. Members and entries that
 * it does not know are ignored. What it holds is what was sent; the work for a payload grows with that payload and with the objects and lists that it changes.
 */
export class ResultMerger {
  #answer: Answer | undefined;

  /** Whether an answer has begun that is not complete. */
  get isIncomplete(): boolean {
    return this.#answer?.hasNext === true;
  }

  /**
   * Takes the next payload, and all that is in it.
   *
   * @throws ProtocolViolation with `BAD_RESPONSE` for a part of what was not announced, or without a place
   */
  take(payload: FormattedResult): Merging {
    const part = payload as Incoming; // with whatever members it came
    const hasData = 'data' in part && part['path'] === undefined;
    if (this.isIncomplete) {
      if (hasData) throw violation('The data came twice.');
    } else {
      if (!partMembers.some((name) => part[name] !== undefined)) {
        return { kind: 'whole', isNews: true };
      }
      // a last word that says nothing else belongs to nothing: some servers say it twice
      if (isBare(part)) return { kind: 'part', isNews: false };
      if (!hasData && !part.errors) throw violation('A part came before what it belongs to.');
      this.#answer = new Answer(part);
    }
    const isNews = this.#answer?.apply(part) === true;
    return { kind: this.isIncomplete ? 'part' : 'last', isNews };
  }

  /** The answer as far as it is known. It never changes. */
  show(): FormattedResult {
    return this.#answer?.show() ?? {};
  }
}

/** What only payloads of an answer in parts have. */
const partMembers = ['hasNext', 'pending', 'incremental', 'completed'] as const;

/** A payload of which nothing is known yet. */
type Incoming = FormattedResult & JsonObject;

/** One answer in parts. */
class Answer {
  hasNext = true;
  readonly #tree: ResponseTree<Pick<FormattedResult, 'data' | 'errors'>>;
  #extensions: FormattedResult['extensions'];
  /** Places of what was announced and is not complete, by their ids. */
  readonly #announced = new Map<string, ResponsePath>();
  /** Whether parts are announced, which is told by the first that shows it. */
  #announces: boolean | undefined;
  /** Whether something changed since it was asked last. */
  #isNews = true;

  constructor({ data }: Incoming) {
    this.#tree = new ResponseTree({ data, errors: [] });
  }

  apply(payload: Incoming): boolean {
    const { hasNext, extensions, errors, path } = payload;
    if (path !== undefined) this.#graft(payload, toPath(path));
    const entries = toEntries(payload['incremental']);
    this.#announces ??= announces(payload, entries);
    for (const { id, path: place } of toEntries(payload['pending'])) {
      this.#announced.set(String(id), toPath(place));
    }
    this.#addErrors(errors);
    for (const entry of entries) this.#deliver(entry);
    for (const entry of toEntries(payload['completed'])) {
      this.#placeOf(entry);
      this.#addErrors(entry['errors']);
      this.#announced.delete(String(entry['id']));
    }
    this.#addExtensions(extensions);
    if (typeof hasNext === 'boolean') this.hasNext = hasNext;
    const isNews = this.#isNews;
    this.#isNews = false;
    return isNews;
  }

  show(): FormattedResult {
    const { data, errors = [] } = this.#tree.show();
    return {
      ...(data !== undefined && { data }),
      ...(errors.length > 0 && { errors }),
      ...(this.#extensions && { extensions: this.#extensions }),
      hasNext: this.hasNext,
    };
  }

  #deliver(entry: JsonObject): void {
    const { data, items } = entry;
    if (Array.isArray(items)) this.#deliverItems(entry, items);
    else if (isJsonObject(data)) {
      const path = this.#announces
        ? [...this.#placeOf(entry), ...toPath(entry['subPath'])]
        : toPath(entry['path']);
      this.#tree.merge(['data', ...path], data);
      this.#isNews = true;
    }
    this.#addErrors(entry['errors']);
    this.#addExtensions(entry['extensions']);
  }

  #deliverItems(entry: JsonObject, items: readonly unknown[]): void {
    this.#isNews = true;
    if (this.#announces) return this.#tree.insert(['data', ...this.#placeOf(entry)], items);
    const path = toPath(entry['path']);
    this.#tree.insert(['data', ...path.slice(0, -1)], items, path.at(-1));
  }

  /** A patch that is a payload by itself: fields of what is there, or the next item of a list. */
  #graft({ data }: Incoming, path: ResponsePath): void {
    const list = ['data', ...path.slice(0, -1)];
    const index = path.at(-1);
    if (typeof index === 'number' && this.#tree.lengthAt(list) === index) {
      this.#tree.insert(list, [data], index);
    } else if (isJsonObject(data)) this.#tree.merge(['data', ...path], data);
    this.#isNews = true;
  }

  #placeOf({ id }: JsonObject): ResponsePath {
    // some servers write numbers, and not always
    const path = this.#announced.get(String(id));
    if (!path) throw violation(`No part was announced by the id ${String(id)}.`);
    return path;
  }

  #addErrors(errors: unknown): void {
    const added = toEntries(errors) as readonly unknown[] as readonly FormattedError[]; // whatever a server has for errors
    if (added.length === 0) return;
    this.#tree.insert(['errors'], added);
    this.#isNews = true;
  }

  #addExtensions(extensions: unknown): void {
    if (!isJsonObject(extensions)) return;
    this.#extensions = { ...this.#extensions, ...extensions };
    this.#isNews = true;
  }
}

/** `undefined` if it could be in any format. */
function announces(payload: Incoming, entries: readonly JsonObject[]): boolean | undefined {
  if (payload['pending'] !== undefined || payload['completed'] !== undefined) return true;
  const [entry] = entries;
  return entry && entry['id'] !== undefined;
}

function isBare(part: Incoming): boolean {
  return (['data', 'errors', 'incremental', 'completed'] as const).every(
    (name) => part[name] === undefined,
  );
}

function toEntries(value: unknown): readonly JsonObject[] {
  const entries = value ?? [];
  if (!Array.isArray(entries)) throw violation('A list was expected.');
  return entries.filter(isJsonObject);
}

function toPath(value: unknown): ResponsePath {
  const path = value ?? [];
  if (!Array.isArray(path)) throw violation('A path has to be a list.');
  return path as ResponsePath; // what is no step leads nowhere
}

function violation(message: string): ProtocolViolation {
  return new ProtocolViolation('BAD_RESPONSE', message);
}
