import type { SourceIdentity } from '../../broker/types.ts';
import type { Instant, Position } from '../../vocabulary.ts';
import type { OpenedToken, ResumeTokens } from './resume-tokens.ts';

/** What tokens of one kind of subscription are about: a field, the log that it reads, and among whom its executions are shared. */
export class ResumeSubject {
  readonly #tokens: ResumeTokens;
  readonly #field: string;
  readonly #identity: SourceIdentity;
  readonly #audience: string | undefined;
  /** Written for the first token: most subscriptions never see one. */
  #text: string | undefined;

  /** @param audience - the name of it; `undefined` for everybody, or for whoever shares with nobody */
  constructor(
    tokens: ResumeTokens,
    field: string,
    identity: SourceIdentity,
    audience: string | undefined,
  ) {
    this.#tokens = tokens;
    this.#field = field;
    this.#identity = identity;
    this.#audience = audience;
  }

  /** The mark of an event; of the start of reading without `since`. */
  mark(position: Position, since: Instant = this.#tokens.now()): ResumeMark {
    return new ResumeMark(this, position, since);
  }

  /** A token for a position of this subject; see {@link ResumeTokens.make}. */
  make(position: Position, since: Instant): string | undefined {
    return this.#tokens.make(this.#written(), position, since);
  }

  open(token: string): OpenedToken {
    return this.#tokens.open(token, this.#written());
  }

  #written(): string {
    const { topic, key } = this.#identity;
    this.#text ??= JSON.stringify([this.#field, topic, key, this.#audience ?? null]);
    return this.#text;
  }
}

/** Where a result stands: its token is made for the first who asks, and kept for the others. */
export class ResumeMark {
  readonly #subject: ResumeSubject;
  readonly #position: Position;
  readonly #since: Instant;
  #token: string | undefined;

  constructor(subject: ResumeSubject, position: Position, since: Instant) {
    this.#subject = subject;
    this.#position = position;
    this.#since = since;
  }

  get token(): string | undefined {
    this.#token ??= this.#subject.make(this.#position, this.#since);
    return this.#token;
  }
}
