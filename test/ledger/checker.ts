import { positionIn } from './account.ts';
import type { Account, Entry, GapReport } from './account.ts';
import { isIntact, nameOf } from './events.ts';
import type { LedgerEvent } from './events.ts';
import type { Accepted } from './journal.ts';

/** What an operation must never see. */
export type ViolationKind =
  /** Events are missing, and nothing said so before the next one. */
  | 'lost'
  /** An event came after a later one. */
  | 'reordered'
  /** An event came twice. */
  | 'duplicate'
  /** Events were announced as missing, and none is. */
  | 'false-gap'
  /** Another number of events is missing than was announced, or other ones. */
  | 'miscounted'
  /** The content is not what was published, or belongs elsewhere. */
  | 'corrupt'
  /** The token of an event does not say where the event stands. */
  | 'misplaced'
  /** The operation got an error instead of events. */
  | 'failed';

/** One breach, for people to read. */
export interface Violation {
  readonly kind: ViolationKind;
  /** How many events it is about. */
  readonly events: number;
  readonly expected: string;
  readonly got: string;
  /** Index of the entry that shows it. */
  readonly at: number;
}

/** What an account comes to. */
export interface Verdict {
  readonly violations: readonly Violation[];
  readonly delivered: number;
  /** How often it went on after an interruption where it had stopped. */
  readonly resumes: number;
  /** How often it was told that events are missing. */
  readonly gaps: number;
  /** How many were missing then. */
  readonly announcedMissing: number;
  /** How often the operation ended because the server could not reach its broker, or could not tell it of a gap. */
  readonly ends: number;
  /** Events that came again and that the client left out. */
  readonly suppressed: number;
}

/** What the broker or the server cannot know, so that it may announce a gap in which nothing is missing. */
const unknowableReasons = new Set(['RESUME_INVALID', 'RESUME_EXPIRED']);

/** How a server says that it cannot reach its broker; whoever asked has to ask again. */
const unavailable = 'BROKER_UNAVAILABLE';

/** How an operation ends that did not ask to be told of gaps. */
const eventsLost = 'EVENTS_LOST';

/**
 * Proves that an operation got every event that was accepted, each once and in order, or was told before the next one.
 *
 * @remarks
 * A gap in which nothing is missing is tolerated in two cases: the token could not be read (its age, or its key), and the log has another epoch:
 * then nobody can relate the old position to what the log holds.
 */
export function check(account: Account, accepted: readonly Accepted[]): Verdict {
  return new Check(account, accepted).verdict();
}

/** A gap, and the epoch before it. */
interface Announced extends GapReport {
  readonly epochBefore: string | undefined;
}

interface Jump {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}

class Check {
  readonly #account: Account;
  readonly #accepted: readonly Accepted[];
  readonly #violations: Violation[] = [];
  /** The number of the event that has to come. */
  #next = 1;
  /** Gaps that were announced since the last event. */
  readonly #gaps: Announced[] = [];
  /** The epochs in which events came, by their numbers. */
  readonly #seen = new Map<number, string | undefined>();
  /** Events that a later one overtook. */
  readonly #missing = new Set<number>();
  /** Where that happened without a word. */
  readonly #jumps: Jump[] = [];
  #epoch: string | undefined;
  #at = 0;
  #announcedMissing = 0;

  constructor(account: Account, accepted: readonly Accepted[]) {
    this.#account = account;
    this.#accepted = accepted;
  }

  verdict(): Verdict {
    const { entries } = this.#account;
    for (const [index, entry] of entries.entries()) {
      this.#at = index;
      this.#take(entry);
    }
    this.#at = entries.length;
    this.#arriveAt(this.#accepted.length + 1, this.#epochAfterAll());
    this.#complainOfLosses();
    const count = (kind: Entry['kind']): number =>
      entries.filter((entry) => entry.kind === kind).length;
    return {
      violations: this.#violations,
      delivered: count('event'),
      resumes: count('recovered'),
      gaps: count('gap'),
      suppressed: count('suppressed'),
      ends: count('failed'),
      announcedMissing: this.#announcedMissing,
    };
  }

  #take(entry: Entry): void {
    switch (entry.kind) {
      case 'event':
        return this.#takeEvent(entry.event, entry.token);
      case 'gap':
        this.#gaps.push({ ...entry, epochBefore: this.#epoch });
        return;
      case 'failed':
        return this.#takeFailure(entry.code);
      case 'start':
      case 'recovered':
        this.#epoch ??= positionIn(entry.token)?.epoch;
        return;
      case 'suppressed':
    }
  }

  #takeFailure(code: string): void {
    const { isOptedIn } = this.#account.owner;
    if (code === unavailable || (code === eventsLost && !isOptedIn)) return;
    this.#complain('failed', 1, 'events, without an error', code);
  }

  #takeEvent(event: LedgerEvent, token: string | undefined): void {
    const { sequence } = event;
    const accepted = this.#accepted[sequence - 1];
    if (!isIntact(event) || nameOf(event) !== nameOf(this.#account.stream) || !accepted) {
      return this.#complain(
        'corrupt',
        1,
        `${nameOf(this.#account.stream)} #${this.#next}`,
        show(event),
      );
    }
    const position = positionIn(token);
    this.#assertPlaced(accepted, token);
    const epoch = position?.epoch ?? this.#epoch;
    if (this.#seen.has(sequence)) this.#takeAgain(accepted, epoch);
    else if (this.#missing.delete(sequence)) {
      this.#complain('reordered', 1, `#${this.#next}`, `#${sequence}, which is older`);
    } else this.#arriveAt(sequence, epoch);
    this.#seen.set(sequence, epoch);
    this.#next = Math.max(this.#next, sequence + 1);
    this.#epoch = epoch;
  }

  /** Everything before `sequence` has come, or never will. */
  #arriveAt(sequence: number, epoch: string | undefined): void {
    const missing = sequence - this.#next;
    for (let each = this.#next; each < sequence; each++) this.#missing.add(each);
    const gaps = this.#gaps.splice(0);
    if (gaps.length === 0) {
      if (missing > 0) this.#jumps.push({ from: this.#next, to: sequence, at: this.#at });
      return;
    }
    this.#announcedMissing += missing;
    if (missing > 0) return this.#compare(gaps, missing);
    const isTolerated = gaps.every(
      ({ reason = '', epochBefore }) =>
        unknowableReasons.has(reason) || (reason !== 'EVENTS_DROPPED' && epoch !== epochBefore),
    );
    if (!isTolerated) this.#complain('false-gap', gaps.length, 'missing events', 'all events');
  }

  /** What came later after all is out of order, not lost. */
  #complainOfLosses(): void {
    for (const { from, to, at } of this.#jumps) {
      const lost = Array.from({ length: to - from }, (_, i) => from + i).filter((sequence) =>
        this.#missing.has(sequence),
      );
      const got = to <= this.#accepted.length ? `#${to}` : 'nothing more';
      if (lost.length === 0) continue;
      this.#violations.push({
        kind: 'lost',
        events: lost.length,
        expected: `#${lost[0]}`,
        got,
        at,
      });
    }
  }

  /** Whether exactly those events are missing that a queue says it dropped. */
  #compare(gaps: readonly GapReport[], missing: number): void {
    const ranges = gaps.flatMap((gap) => gap.missing ?? []);
    const dropped = ranges.reduce((sum, range) => sum + range.events, 0);
    const isExact = ranges.length === gaps.length;
    if (isExact ? dropped !== missing : dropped > missing) {
      return this.#complain(
        'miscounted',
        missing,
        `${dropped} missing events`,
        `${missing} missing`,
      );
    }
    const [first, last] = [ranges[0], ranges.at(-1)];
    if (!isExact || !first || !last) return;
    const ends = [this.#next, this.#next + missing - 1].map((each) => this.#offsetOf(each));
    const announced = [first.from, last.until].map((token) => positionIn(token)?.offset);
    if (ends.some((offset, i) => offset !== announced[i])) {
      this.#complain('miscounted', missing, ends.join(' to '), announced.join(' to '));
    }
  }

  /** Once more is once too much, unless it was published anew to a log that had lost it. */
  #takeAgain({ sequence, attempts }: Accepted, epoch: string | undefined): void {
    const isRepublished = attempts > 1 && this.#seen.get(sequence) !== epoch;
    if (!isRepublished) this.#complain('duplicate', 1, `#${this.#next}`, `#${sequence} again`);
  }

  #assertPlaced({ sequence, position, attempts }: Accepted, token: string | undefined): void {
    const got = positionIn(token);
    if (!got || attempts > 1) return;
    if (got.epoch === position.epoch && got.offset === position.offset) return;
    const expected = `#${sequence} at ${position.epoch} ${position.offset}`;
    this.#complain('misplaced', 1, expected, `${got.epoch} ${got.offset}`);
  }

  #offsetOf(sequence: number): string | undefined {
    return this.#accepted[sequence - 1]?.position.offset;
  }

  /** The last report says where reading goes on, and with it in which epoch. */
  #epochAfterAll(): string | undefined {
    return positionIn(this.#gaps.at(-1)?.token)?.epoch ?? this.#epoch;
  }

  #complain(kind: ViolationKind, events: number, expected: string, got: string): void {
    this.#violations.push({ kind, events, expected, got, at: this.#at });
  }
}

/** How many entries before and after a breach are shown. */
const shownAround = 4;

/** Who saw the violation, what was expected, what came, and what stands around it. */
export function describeViolation(
  { owner: { client, transport, stream }, entries }: Account,
  { kind, events, expected, got, at }: Violation,
): string {
  const first = Math.max(0, at - shownAround);
  const around = entries
    .slice(first, at + shownAround + 1)
    .map((entry, i) => `    ${first + i === at ? '>' : ' '} ${first + i} ${showEntry(entry)}`);
  return [
    `${client} over ${transport}, ${nameOf(stream)}: ${kind} (${events})`,
    `    expected ${expected}, got ${got}`,
    ...around,
  ].join('\n');
}

function showEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'event':
      return `event ${show(entry.event)} ${showToken(entry.token)}`;
    case 'gap':
      return `gap ${entry.reason ?? 'without a reason'} ${JSON.stringify(entry.missing?.events)} ${showToken(entry.token)}`;
    case 'failed':
      return `failed ${entry.code}`;
    case 'start':
    case 'recovered':
    case 'suppressed':
      return `${entry.kind} ${showToken(entry.token)}`;
  }
}

function show({ topic, key, sequence }: LedgerEvent): string {
  return `${nameOf({ topic, key })} #${sequence}`;
}

function showToken(token: string | undefined): string {
  const position = positionIn(token);
  return position ? `at ${position.epoch} ${position.offset}` : '';
}
