import { errorTable } from '../../errors.ts';
import type { ClosingCode } from '../../errors.ts';
import type { InternalErrorReporter } from '../masking.ts';
import type { GatewayPush } from './gateway-options.ts';

/** Whether a frame was taken. */
export type Pushed = 'sent' | 'gone' | 'failed';

/** What goes out to clients. No method rejects. */
export class Pushes {
  readonly #push: GatewayPush;
  readonly #report: InternalErrorReporter;

  constructor(push: GatewayPush, report: InternalErrorReporter) {
    this.#push = push;
    this.#report = report;
  }

  async send(connectionId: string, frame: string): Promise<Pushed> {
    try {
      await this.#push.send(connectionId, frame);
      return 'sent';
    } catch (error) {
      if (isGone(error)) return 'gone';
      this.#report(error, 'push.send');
      return 'failed';
    }
  }

  async close(connectionId: string, code: number, reason: string): Promise<void> {
    try {
      await this.#push.close(connectionId, code, reason);
    } catch (error) {
      if (!isGone(error)) this.#report(error, 'push.close');
    }
  }

  closeFor(connectionId: string, error: ClosingCode): Promise<void> {
    const { closeCode, reason } = errorTable[error];
    return this.close(connectionId, closeCode, reason);
  }
}

/** HTTP's word for it, or that of whoever wrote the push. */
function isGone(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, status, statusCode }: GoneLike = error;
  return code === 'GONE' || status === 410 || statusCode === 410;
}

interface GoneLike {
  readonly code?: unknown;
  readonly status?: unknown;
  readonly statusCode?: unknown;
}
