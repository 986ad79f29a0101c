import type pg from 'pg';

import type { Clock } from '../../vocabulary.ts';
import { toQuery } from './client-like.ts';
import type { PostgresQuery } from './client-like.ts';
import { brokerClosed, failureOf, notMigrated, toSourceError, unavailable } from './failures.ts';
import { schemaVersion } from './migration.ts';
import type { PostgresNames } from './names.ts';
import type { Rows } from './pool-client.ts';
import { toSessionQuery, toStateQuery } from './statements.ts';

/** A question that is asked again and again. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What a {@link PostgresConnection} is made from. */
export interface PostgresConnectionOptions {
  readonly createClient: () => pg.Client;
  readonly names: PostgresNames;
  readonly clock: Clock;
  /** How long a question may take, and the connecting. */
  readonly timeoutMs: number;
  readonly onNotification: (payload: string) => void;
  /** The connection came up: notifications may have been missed. */
  readonly onReady: () => void;
  /** The connection came up, or was lost. */
  readonly onChange: () => void;
}

const firstDelayMs = 50;
const longestDelayMs = 1_000;

/**
 * A connection that listens, and asks one question after another; it is made again whenever it is lost.
 *
 * @remarks
 * Questions are asked until they are answered: they change nothing. Each settles within its time-out.
 */
export class PostgresConnection {
  readonly #options: PostgresConnectionOptions;
  #state: ConnectionState = { kind: 'new' };
  readonly #waiting: Question[] = [];
  #failures = 0;
  #lastError: unknown;

  constructor(options: PostgresConnectionOptions) {
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#state.kind === 'ready';
  }

  /** Nobody has asked for it yet. */
  get isNew(): boolean {
    return this.#state.kind === 'new';
  }

  /** Why it is not up; `undefined` before it was ever lost. */
  get lastError(): unknown {
    return this.#lastError;
  }

  /** Connects; does nothing if that was done before. */
  start(): void {
    if (this.#state.kind === 'new') void this.#connect(); // never rejects
  }

  run(statement: Statement, values: readonly unknown[]): Promise<Rows> {
    this.start();
    return new Promise((resolve, reject) => {
      if (this.#state.kind === 'closed') return reject(brokerClosed());
      const { clock, timeoutMs } = this.#options;
      const stopTimer = clock.schedule(() => this.#expire(question), timeoutMs);
      const question: Question = { statement, values, resolve, reject, stopTimer };
      this.#waiting.push(question);
      this.#askNext();
    });
  }

  /** Gives the connection up and makes another. */
  renew(error: unknown): void {
    if (this.#state.kind === 'ready') this.#lose(this.#state.client, error);
  }

  close(): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    this.#rejectAll(() => brokerClosed());
    if (state.kind === 'pausing' || state.kind === 'connecting') state.stopTimer();
    if (state.kind === 'connecting') dropClient(state.client);
    if (state.kind !== 'ready') return;
    state.asked?.stopTimer();
    state.asked?.reject(brokerClosed());
    endClient(state.client);
  }

  async #connect(): Promise<void> {
    const client = this.#options.createClient();
    client.on('error', (error) => this.#lose(client, error));
    client.on('end', () => this.#lose(client, new Error('PostgreSQL ended the connection')));
    client.on('notification', ({ payload = '' }) => this.#options.onNotification(payload));
    const stopConnecting = this.#options.clock.schedule(
      () => this.#lose(client, new Error('PostgreSQL did not accept the connection in time')),
      this.#options.timeoutMs,
    );
    this.#state = { kind: 'connecting', client, stopTimer: stopConnecting };
    let session: Session;
    try {
      await client.connect();
      session = await this.#prepare(client);
    } catch (error) {
      return this.#lose(client, error);
    }
    if (this.#state.kind !== 'connecting' || this.#state.client !== client) return;
    stopConnecting();
    this.#failures = 0;
    this.#state = { kind: 'ready', client, session, asked: undefined };
    this.#options.onChange();
    this.#options.onReady();
    this.#askNext();
  }

  /** Listens before anything is asked: what is published after an answer is heard of. */
  async #prepare(client: pg.Client): Promise<Session> {
    const { timeoutMs, names } = this.#options;
    const settings = [processOf(client), Math.ceil(timeoutMs)];
    const set = await ask(client, toQuery(toSessionQuery(), settings));
    const [[version, channel] = []] = await ask(client, toQuery(toStateQuery(names)));
    if (Number(version) !== schemaVersion) throw notMigrated();
    await client.query(`LISTEN "${channel}"`);
    return set.length > 0 ? 'own' : 'lent';
  }

  #lose(client: pg.Client, error: unknown): void {
    const state = this.#state;
    if ((state.kind !== 'ready' && state.kind !== 'connecting') || state.client !== client) return;
    if (state.kind === 'connecting') state.stopTimer();
    const source = toSourceError('PostgreSQL cannot be reached', error);
    this.#lastError = error;
    const delayMs = Math.min(firstDelayMs * 2 ** this.#failures, longestDelayMs);
    this.#failures += 1;
    const stopTimer = this.#options.clock.schedule(() => void this.#connect(), delayMs);
    this.#state = { kind: 'pausing', stopTimer };
    if (state.kind === 'ready' && state.asked !== undefined) this.#waiting.unshift(state.asked);
    dropClient(client);
    // nobody has to wait to learn that something has to be done
    if (source.code === 'BROKER_NOT_MIGRATED') this.#rejectAll(() => source);
    this.#options.onChange();
  }

  #askNext(): void {
    const state = this.#state;
    if (state.kind !== 'ready' || state.asked !== undefined) return;
    const question = this.#waiting.shift();
    if (question === undefined) return;
    this.#state = { ...state, asked: question };
    void this.#ask(state, question); // never rejects
  }

  async #ask({ client, session }: Ready, question: Question): Promise<void> {
    try {
      const { name, text } = question.statement;
      const query = toQuery(text, question.values);
      const rows = await ask(client, session === 'own' ? { ...query, name } : query);
      question.stopTimer();
      question.resolve(rows);
    } catch (error) {
      // it is asked again on the next connection
      if (failureOf(error) === 'unknown') this.#lose(client, error);
      if (!this.#uses(client)) return;
      question.stopTimer();
      question.reject(toSourceError('PostgreSQL refused a question', error));
    }
    if (!this.#uses(client)) return;
    this.#state = { kind: 'ready', client, session, asked: undefined };
    this.#askNext();
  }

  #uses(client: pg.Client): boolean {
    return this.#state.kind === 'ready' && this.#state.client === client;
  }

  #expire(question: Question): void {
    const state = this.#state;
    const index = this.#waiting.indexOf(question);
    if (index !== -1) this.#waiting.splice(index, 1);
    question.reject(unavailable('PostgreSQL did not answer in time', this.#lastError));
    if (state.kind !== 'ready' || state.asked !== question) return;
    // a connection that says nothing may be dead, which could take a quarter of an hour to show
    this.#state = { ...state, asked: undefined };
    this.renew(new Error('PostgreSQL did not answer in time'));
  }

  #rejectAll(toError: () => Error): void {
    for (const question of this.#waiting.splice(0)) {
      question.stopTimer();
      question.reject(toError());
    }
  }
}

type ConnectionState =
  | { readonly kind: 'new' | 'closed' }
  | { readonly kind: 'connecting'; readonly client: pg.Client; readonly stopTimer: () => void }
  | Ready
  | { readonly kind: 'pausing'; readonly stopTimer: () => void };

interface Ready {
  readonly kind: 'ready';
  readonly client: pg.Client;
  readonly session: Session;
  readonly asked: Question | undefined;
}

/** 'lent' where a pooler may answer each question by another process of PostgreSQL: what one is told the next does not know, but others who have it later. */
type Session = 'own' | 'lent';

interface Question {
  readonly statement: Statement;
  readonly values: readonly unknown[];
  readonly resolve: (rows: Rows) => void;
  readonly reject: (error: Error) => void;
  readonly stopTimer: () => void;
}

async function ask(client: pg.Client, query: PostgresQuery): Promise<Rows> {
  const { rows } = await client.query(query);
  return rows;
}

/** The process of PostgreSQL that accepted the connection; a pooler says something else, or nothing. */
function processOf(client: pg.Client): unknown {
  // the types of the package leave it out
  return (client as unknown as { readonly processID: unknown }).processID;
}

/** Nobody waits for the goodbye: what breaks on the way is no news. */
function endClient(client: pg.Client): void {
  const { stream } = client.connection;
  // nor for an answer, which a server that says nothing would never give
  stream.once('finish', () => stream.destroy());
  client.end().catch(() => {});
}

/** A goodbye may never leave, and nobody would close what is left of the connection. */
function dropClient(client: pg.Client): void {
  client.connection.stream.destroy();
}
