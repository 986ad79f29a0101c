import type { ByteString } from '../protocol/index.ts';
import type { FrameTarget } from './byte-target.ts';
import type { ResultFrames } from './result-frames.ts';

/** What a connection is written in one piece: a frame, or several. */
export interface FrameRun {
  /** These frames, and one more. */
  followedBy(frames: ResultFrames): FrameRun;
  /** Bytes of all frames with an id of `idBytes`. */
  lengthFor(idBytes: number): number;
  /** The frames of `id` as a byte string. */
  textFor(id: ByteString): ByteString;
  /**
   * The frames of `id` as bytes that are valid until the next call, unless {@link FrameRun.keep} is called before; nothing for the first who asks, for
   * whom a template would cost more than {@link FrameRun.textFor}.
   */
  bytesFor(id: ByteString, target: Pick<FrameTarget, 'allocate'>): Uint8Array | undefined;
  /** Somebody still reads the bytes that were given last for an id of `idBytes`: nobody writes into them any more. */
  keep(idBytes: number): void;
}

/**
 * Frames that follow each other on a connection within one turn. Connections that get the same ones share the object, whatever their ids.
 *
 * @remarks
 * The bytes are joined once per length of an id. For each connection only its id is written into them, at the places that the frames leave for it; and not
 * even that where ids are the same.
 */
export class FrameBatch implements FrameRun {
  readonly #before: FrameBatch | undefined;
  readonly #last: ResultFrames;
  /** What followed last time: the same for most connections. */
  #next: FrameBatch | undefined;
  #idBytes = -1;
  #length = 0;
  readonly #templates = new Map<number, Template | 'asked'>();

  constructor(last: ResultFrames, before?: FrameBatch) {
    this.#last = last;
    this.#before = before;
  }

  followedBy(frames: ResultFrames): FrameBatch {
    const known = this.#next;
    if (known !== undefined && known.#last === frames) return known;
    const made = new FrameBatch(frames, this);
    this.#next = made;
    return made;
  }

  lengthFor(idBytes: number): number {
    if (idBytes !== this.#idBytes) {
      this.#idBytes = idBytes;
      this.#length = (this.#before?.lengthFor(idBytes) ?? 0) + this.#last.lengthFor(idBytes);
    }
    return this.#length;
  }

  textFor(id: ByteString): ByteString {
    return (this.#before?.textFor(id) ?? '') + this.#last.textFor(id);
  }

  bytesFor(id: ByteString, target: Pick<FrameTarget, 'allocate'>): Uint8Array | undefined {
    const known = this.#templates.get(id.length);
    if (known !== undefined) return known === 'asked' ? this.#make(id, target) : known.bytesFor(id);
    this.#templates.set(id.length, 'asked');
    return undefined;
  }

  keep(idBytes: number): void {
    this.#templates.set(idBytes, 'asked');
  }

  #make(id: ByteString, target: Pick<FrameTarget, 'allocate'>): Uint8Array {
    const bytes = target.allocate(this.lengthFor(id.length));
    const template = new Template(bytes, this.#frames(), id.length);
    this.#templates.set(id.length, template);
    return template.bytesFor(id);
  }

  #frames(): readonly ResultFrames[] {
    const frames: ResultFrames[] = [];
    // oxlint-disable-next-line typescript/no-this-alias -- the way back begins here
    for (let batch: FrameBatch | undefined = this; batch; batch = batch.#before) {
      frames.push(batch.#last);
    }
    return frames.toReversed();
  }
}

/** The bytes of a batch for ids of one length. */
class Template {
  readonly #bytes: Uint8Array;
  readonly #idOffsets: readonly number[];
  #id: ByteString | undefined;

  constructor(bytes: Uint8Array, frames: readonly ResultFrames[], idBytes: number) {
    const idOffsets: number[] = [];
    let end = 0;
    for (const each of frames) {
      const idOffset = write(each.headFor(idBytes), bytes, end);
      idOffsets.push(idOffset);
      end = write(each.tail, bytes, idOffset + idBytes);
    }
    this.#bytes = bytes;
    this.#idOffsets = idOffsets;
  }

  bytesFor(id: ByteString): Uint8Array {
    if (id === this.#id) return this.#bytes;
    this.#id = id;
    const bytes = this.#bytes;
    const idOffsets = this.#idOffsets;
    // each character is read once, and written at all places
    for (let i = 0; i < id.length; i++) {
      const character = id.charCodeAt(i);
      for (const idOffset of idOffsets) bytes[idOffset + i] = character;
    }
    return bytes;
  }
}

/** Returns the offset behind what it wrote. */
function write(text: ByteString, bytes: Uint8Array, offset: number): number {
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}
