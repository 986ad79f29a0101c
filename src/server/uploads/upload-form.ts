import type { HttpProblem } from '../http-problem.ts';
import { FileContent } from './file-content.ts';
import type { PartHead, PartSink } from './form-parser.ts';
import type { Operations } from './upload-map.ts';
import { parseOperations, placeUploads } from './upload-map.ts';
import type { UploadLimits } from './upload-options.ts';
import { exceeded, invalidForm, missing, toFileError } from './upload-problem.ts';
import type { Upload } from './upload.ts';

type Stage =
  | { readonly kind: 'wait-operations' }
  | { readonly kind: 'wait-map'; readonly operations: Operations }
  /** Those that have not begun, by the names of their parts. */
  | { readonly kind: 'files'; readonly announced: Map<string, Upload> };

/** What happens as a form is read. */
export interface FormEvents {
  /** `operations` and `map` are there: with this the execution can begin. */
  readonly ready: (operations: Operations, uploadCount: number) => void;
  /** Somebody has read of a file, or wants to. */
  readonly read: () => void;
}

/**
 * The parts of a form in the order of the GraphQL multipart request specification: `operations`, `map`, files.
 *
 * @remarks
 * What is wrong before the execution can begin is thrown, as {@link HttpProblem}; what is wrong with a file is the error of its readers.
 */
export class UploadForm {
  readonly #limits: UploadLimits;
  readonly #events: FormEvents;
  #stage: Stage = { kind: 'wait-operations' };
  readonly #contents: FileContent[] = [];
  /** The file that is coming. */
  #current: FileContent | undefined;
  #fileCount = 0;
  #sharedBytes = 0;

  constructor(limits: UploadLimits, events: FormEvents) {
    this.#limits = limits;
    this.#events = events;
  }

  /** Whether more may be read of the body: there is room, or somebody waits for just that. */
  get hasRoom(): boolean {
    if (!this.#current?.isWanted || this.#current.isHungry) return true;
    const held = this.#contents.reduce((sum, { unreadBytes }) => sum + unreadBytes, 0);
    return held < this.#limits.bufferBytes;
  }

  /** Whether files wait behind the one that is coming. */
  get holdsUp(): boolean {
    return this.#stage.kind === 'files' && this.#stage.announced.size > 0;
  }

  /** Whether what is left of the body is of no use: only a file that is not wanted any more. */
  get isUseless(): boolean {
    return this.#stage.kind === 'files' && !this.holdsUp && this.#current?.isWanted === false;
  }

  /** A part begins. */
  readonly part = (head: PartHead): PartSink => {
    switch (this.#stage.kind) {
      case 'wait-operations':
        return this.#expect(head, 'operations', (text) => this.#readOperations(text));
      case 'wait-map': {
        const { operations } = this.#stage;
        return this.#expect(head, 'map', (text) => this.#readMap(operations, text));
      }
      case 'files':
        return this.#file(head, this.#stage.announced);
    }
  };

  /** The form is complete. */
  end(): void {
    switch (this.#stage.kind) {
      case 'wait-operations':
        throw invalidForm('the form field `operations` is missing');
      case 'wait-map':
        throw invalidForm('the form field `map` is missing');
      case 'files':
        for (const [name, upload] of this.#stage.announced) upload.fail(missing(name));
        this.#stage.announced.clear();
    }
  }

  /** Nothing comes any more, because of `problem`. */
  fail(problem: HttpProblem): void {
    if (this.#stage.kind === 'files') {
      for (const upload of this.#stage.announced.values()) upload.fail(problem);
      this.#stage.announced.clear();
    }
    if (this.#current?.isWanted) this.#current.fail(toFileError(problem));
  }

  /** Nothing is read any more, because of `problem`. */
  close(problem: HttpProblem): void {
    this.fail(problem);
    for (const content of this.#contents) content.fail(toFileError(problem));
    this.#contents.length = 0;
  }

  /** Gives up the file that nobody reads, for those behind it. */
  skip(problem: HttpProblem): void {
    this.#current?.fail(toFileError(problem));
  }

  #expect(head: PartHead, expected: FieldName, onText: (text: string) => void): PartSink {
    const { name, fileName } = head;
    if (name === expected) return this.#field(expected, onText);
    if (name === 'operations') throw twice(name);
    if (name === 'map') {
      throw invalidForm('the form field `map` must come after `operations`');
    }
    if (fileName !== undefined) throw invalidForm('files must come after the form field `map`');
    return this.#ignored();
  }

  #field(name: FieldName, onText: (text: string) => void): PartSink {
    const decoder = new TextDecoder();
    const { fieldBytes } = this.#limits;
    let bytes = 0;
    let text = '';
    return {
      chunk: (chunk) => {
        bytes += chunk.length;
        if (bytes > fieldBytes) throw exceeded(this.#limits, 'fieldBytes', name);
        text += decoder.decode(chunk, { stream: true });
      },
      end: () => onText(text + decoder.decode()),
    };
  }

  #readOperations(text: string): void {
    this.#stage = { kind: 'wait-map', operations: parseOperations(text) };
  }

  #readMap(operations: Operations, text: string): void {
    const announced = placeUploads(operations, text, this.#limits);
    this.#stage = { kind: 'files', announced };
    this.#events.ready(operations, announced.size);
  }

  #file(head: PartHead, announced: Map<string, Upload>): PartSink {
    const { name, fileName = name, type } = head;
    const upload = announced.get(name);
    if (!upload) {
      if (name === 'operations' || name === 'map') throw twice(name);
      return this.#ignored();
    }
    this.#count();
    announced.delete(name);
    const content = new FileContent(upload.isShared, this.#events.read);
    this.#contents.push(content);
    this.#current = content;
    upload.arrive({ name: fileName, type }, content);
    return this.#fileSink(content, upload.isShared);
  }

  #fileSink(content: FileContent, isShared: boolean): PartSink {
    let bytes = 0;
    return {
      chunk: (chunk) => {
        if (!content.isWanted) return;
        bytes += chunk.length;
        if (isShared) this.#sharedBytes += chunk.length;
        const limit = this.#exceededBy(bytes);
        if (limit) content.fail(toFileError(exceeded(this.#limits, limit)));
        else content.push(chunk);
      },
      end: () => {
        content.complete();
        this.#current = undefined;
      },
    };
  }

  #exceededBy(fileBytes: number): 'fileBytes' | 'bufferBytes' | undefined {
    if (fileBytes > this.#limits.fileBytes) return 'fileBytes';
    return this.#sharedBytes > this.#limits.bufferBytes ? 'bufferBytes' : undefined;
  }

  /** Whatever nobody announced. */
  #ignored(): PartSink {
    this.#count();
    return { chunk: () => {}, end: () => {} };
  }

  #count(): void {
    this.#fileCount += 1;
    if (this.#fileCount > this.#limits.files) throw exceeded(this.#limits, 'files');
  }
}

type FieldName = 'operations' | 'map';

function twice(name: FieldName): HttpProblem {
  return invalidForm(`the form field \`${name}\` occurs twice`);
}
