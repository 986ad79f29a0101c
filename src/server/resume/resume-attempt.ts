import type { EntryReader } from '../../broker/entry-reader.ts';
import type { SharableSource } from '../../broker/sharable-source.ts';
import type { ErrorCode } from '../../errors.ts';
import type { FormattedError, OperationRequest, Position } from '../../vocabulary.ts';
import type { RequestHead } from '../request-head.ts';
import type { ResumeSubject } from './resume-subject.ts';

/** Why nothing could be replayed. */
export type GapCode = Extract<ErrorCode, 'RESUME_INVALID' | 'RESUME_EXPIRED' | 'RESUME_GAP'>;

/** What the client is told of an outcome, before the first event. */
export function toReport(outcome: ResumeOutcome): object {
  return {
    ...(outcome.kind !== 'fresh' && { recovered: outcome.kind === 'recovered' }),
    ...(outcome.kind === 'gap' && { reason: outcome.code }),
  };
}

/** What ends an operation whose client would rather not go on behind a gap. */
export function gapError(code: GapCode): FormattedError {
  return { message: 'The subscription cannot go on where it stopped.', extensions: { code } };
}

/** What came of an attempt once its log was opened. */
export type ResumeOutcome =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'recovered' }
  | { readonly kind: 'gap'; readonly code: GapCode };

/** What a client wants to know and to go on from. */
export interface ResumeRequest {
  readonly token?: string;
  /** Whether it wants to hear of it in `extensions.resume`. */
  readonly isOptedIn: boolean;
  readonly failsOnGap: boolean;
}

/**
 * What a client asked for: in `extensions.resume` if it opted in, otherwise by the event id with which an `EventSource` reconnects.
 *
 * @param request - where that id may stand: in the header `Last-Event-ID` or the parameter `lastEventId`
 */
export function readResumeRequest(
  extensions: OperationRequest['extensions'],
  { headers, url }: Pick<RequestHead, 'headers' | 'url'>,
): ResumeRequest {
  const resume = extensions?.['resume'];
  const isOptedIn = typeof resume === 'object' && resume !== null;
  const asked = isOptedIn ? (resume as { readonly token?: unknown; readonly onGap?: unknown }) : {}; // an object has any member, or none
  const lastEventId = headers['last-event-id'] ?? parameterOf(url, 'lastEventId');
  const token = typeof asked.token === 'string' ? asked.token : lastEventId;
  return {
    isOptedIn,
    failsOnGap: asked.onGap === 'fail',
    ...(token !== undefined && { token }),
  };
}

function parameterOf(url: string, name: string): string | undefined {
  const start = url.indexOf('?');
  // most requests have none
  return start === -1 ? undefined : (new URLSearchParams(url.slice(start)).get(name) ?? undefined);
}

/** One subscription of a client that can come back: from where it wants to go on, and whether it can. */
export class ResumeAttempt {
  readonly request: ResumeRequest;
  /** Where the client stopped; `undefined` if it did not say so, or not in a way that can be used. */
  readonly position: Position | undefined;
  readonly #refusal: GapCode | undefined;

  constructor(request: ResumeRequest, subject: ResumeSubject) {
    const { token } = request;
    const opened = token === undefined ? undefined : subject.open(token);
    this.request = request;
    this.position = opened?.kind === 'opened' ? opened.position : undefined;
    this.#refusal = opened?.kind === 'refused' ? opened.code : undefined;
  }

  /** Whether its client wants to know what came of it. */
  get isReported(): boolean {
    return this.request.isOptedIn || this.request.token !== undefined;
  }

  /** @param reader - as the source opened it for `position` */
  judge(reader: EntryReader): ResumeOutcome {
    if (this.#refusal) return { kind: 'gap', code: this.#refusal };
    if (!this.position) return { kind: 'fresh' };
    return reader.complete === false ? { kind: 'gap', code: 'RESUME_GAP' } : { kind: 'recovered' };
  }
}

/** Strictly after which reading begins; `undefined` for a log without positions. */
export function startOf(
  outcome: ResumeOutcome,
  reader: EntryReader,
  { asked, source }: { readonly asked: Position | undefined; readonly source: SharableSource },
): Position | undefined {
  const { head } = reader;
  if (outcome.kind === 'recovered') return asked;
  // a reader that could not begin where it was asked to begins at the head
  return asked ? head : (source.startPosition ?? head);
}
