import type { SourceIdentity } from '../../broker/types.ts';
import type { Instant, Position } from '../../vocabulary.ts';
import type { OpenedToken, ResumeTokens } from './resume-tokens.ts';

/** What tokens of one kind of subscription are about: a field, the log that it reads, and among whom its executions are shared. */
export class ResumeSubject {
  readonly #tokens: ResumeTokens;
  readonly #subject: string;

  /** @param audience - the name of it; `undefined` for everybody, or for whoever shares with nobody */
  constructor(
    tokens: ResumeTokens,
    field: string,
    { topic, key }: SourceIdentity,
    audience: string | undefined,
  ) {
    this.#tokens = tokens;
    this.#subject = JSON.stringify([field, topic, key, audience ?? null]);
  }

  /** The mark of an event; of the start of reading without `since`. */
  mark(position: Position, since: Instant = this.#tokens.now()): ResumeMark {
    return new ResumeMark(this.#tokens, this.#subject, position, since);
  }

  open(token: string): OpenedToken {
    return this.#tokens.open(token, this.#subject);
  }
}

/** Where a result stands: its token is made for the first who asks, and kept for the others. */
export class ResumeMark {
  readonly #tokens: ResumeTokens;
  readonly #subject: string;
  readonly #position: Position;
  readonly #since: Instant;
  #token: string | undefined;

  constructor(tokens: ResumeTokens, subject: string, position: Position, since: Instant) {
    this.#tokens = tokens;
    this.#subject = subject;
    this.#position = position;
    this.#since = since;
  }

  get token(): string | undefined {
    this.#token ??= this.#tokens.make(this.#subject, this.#position, this.#since);
    return this.#token;
  }
}
