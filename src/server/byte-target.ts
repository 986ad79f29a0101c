import type { ByteString } from '../protocol/index.ts';

/**
 * What takes bytes that the server has framed itself.
 *
 * @remarks
 * No method throws, also when the other side is gone; what is written then is lost.
 */
export interface ByteTarget {
  /** Writes in as few calls of the operating system as it can: one, if the system takes it all. */
  writeBytes(bytes: ByteString): void;
  /** Writes `head` and then `shared`, which is not copied: nobody changes it. */
  writeShared(head: ByteString, shared: Uint8Array): void;
  /** Asks for one call of `drained` when the operating system has taken all that was written so far. */
  notifyDrained(): void;
  /** Bytes that were written and that the operating system has not taken yet. */
  readonly bufferedBytes: number;
}

/** A {@link ByteTarget} for frames, which many connections get alike but for an id. */
export interface FrameTarget extends ByteTarget {
  /** Writes `bytes`; `reusable` if nobody reads them any more, because the system took them all. */
  writeReusable(bytes: Uint8Array): 'reusable' | 'in-use';
  /** Bytes of the kind that this target writes without converting them. */
  allocate(bytes: number): Uint8Array;
}

/** Whether `target` lets us write bytes. */
export function takesBytes<Target extends object>(target: Target): target is Target & ByteTarget {
  return 'writeBytes' in target;
}

/** Whether `target` lets us write frames. */
export function takesFrames<Target extends object>(target: Target): target is Target & FrameTarget {
  return 'writeReusable' in target;
}
