import type { EntryReader } from '../../broker/entry-reader.ts';
import type { SharableSource } from '../../broker/sharable-source.ts';
import type { ErrorCode } from '../../errors.ts';
import type { OperationRequest, Position } from '../../vocabulary.ts';
import type { ResumeSubject } from './resume-subject.ts';

/** Why nothing could be replayed. */
export type GapCode = Extract<ErrorCode, 'RESUME_INVALID' | 'RESUME_EXPIRED' | 'RESUME_GAP'>;

/** Where a client can come back to; nowhere if nobody can resume from there. */
export interface ResumeStart {
  readonly token?: string;
}

/** What the client is told of an outcome, before the first event. */
export function toReport(outcome: ResumeOutcome): object {
  return {
    ...(outcome.kind !== 'fresh' && { recovered: outcome.kind === 'recovered' }),
    ...(outcome.kind === 'gap' && { reason: outcome.code }),
  };
}

/** What came of an attempt once its log was opened. */
export type ResumeOutcome =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'recovered' }
  | { readonly kind: 'gap'; readonly code: GapCode };

/** What a client that opted in asked for in `extensions.resume`. */
interface ResumeRequest {
  readonly token?: string;
  readonly failsOnGap: boolean;
}

/** What a client asked for; `undefined` if it did not opt in. */
export function readResumeRequest(
  extensions: OperationRequest['extensions'],
): ResumeRequest | undefined {
  const resume = extensions?.['resume'];
  if (typeof resume !== 'object' || resume === null) return undefined;
  const { token, onGap } = resume as { readonly token?: unknown; readonly onGap?: unknown }; // an object has any member, or none
  return { ...(typeof token === 'string' && { token }), failsOnGap: onGap === 'fail' };
}

/** One subscription of a client that opted in: from where it wants to go on, and whether it can. */
export class ResumeAttempt {
  readonly failsOnGap: boolean;
  /** Where the client stopped; `undefined` if it did not say so, or not in a way that can be used. */
  readonly position: Position | undefined;
  readonly #subject: ResumeSubject;
  readonly #refusal: GapCode | undefined;

  constructor({ token, failsOnGap }: ResumeRequest, subject: ResumeSubject) {
    const opened = token === undefined ? undefined : subject.open(token);
    this.failsOnGap = failsOnGap;
    this.#subject = subject;
    this.position = opened?.kind === 'opened' ? opened.position : undefined;
    this.#refusal = opened?.kind === 'refused' ? opened.code : undefined;
  }

  /** @param reader - as the source opened it for `position` */
  judge(reader: EntryReader): ResumeOutcome {
    if (this.#refusal) return { kind: 'gap', code: this.#refusal };
    if (!this.position) return { kind: 'fresh' };
    return reader.complete === false ? { kind: 'gap', code: 'RESUME_GAP' } : { kind: 'recovered' };
  }

  /** Where reading begins: what the client can come back to before there was an event. */
  startOf(outcome: ResumeOutcome, reader: EntryReader, source: SharableSource): ResumeStart {
    const { head } = reader;
    const recovered = outcome.kind === 'recovered' ? this.position : undefined;
    // a reader that could not begin where it was asked to begins at the head
    const start = recovered ?? (this.position ? head : (source.startPosition ?? head));
    const token = start && this.#subject.mark(start).token;
    return token === undefined ? {} : { token };
  }
}
