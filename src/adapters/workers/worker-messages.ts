import type { ResumeKey } from '../../server/index.ts';

/** What a worker tells the primary. Both are processes of one program, whose own messages may go the same way. */
export type WorkerMessage =
  /** Its program has come to `listen`. */
  | { readonly millrace: 'hello' }
  | { readonly millrace: 'listening' }
  /** It could not listen. */
  | { readonly millrace: 'failed'; readonly code: string | undefined; readonly message: string }
  /** It takes no more connections: another one may begin. Its drain, which may run already, takes twice `windowMs`, and it is killed some time after that. */
  | { readonly millrace: 'leaving'; readonly windowMs: number };

/** What the primary tells a worker. */
export type PrimaryMessage =
  | Welcome
  | { readonly millrace: 'drain'; readonly windowMs: number | undefined }
  | { readonly millrace: 'close' };

/** What a worker has to know to be one of several. */
export interface Welcome {
  readonly millrace: 'welcome';
  readonly port: number;
  /** So that a client can go on in one worker where another one stopped; the secret in base64. */
  readonly resumeKey: ResumeKey & { readonly secret: string };
}

/** Whether a message is one of ours, and not one of the program. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return isOurs(message);
}

/** As {@link isWorkerMessage}, for the other direction. */
export function isPrimaryMessage(message: unknown): message is PrimaryMessage {
  return isOurs(message);
}

function isOurs(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'millrace' in message;
}
