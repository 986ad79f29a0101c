import type { LogLook } from '../remote/log-readers.ts';
import type { PostgresConnection, Statement } from './connection.ts';
import { unavailable } from './failures.ts';
import type { LogAddress } from './log-address.ts';
import type { PostgresNames } from './names.ts';
import type { Rows } from './pool-client.ts';
import { partsOf, toPositionId } from './position-id.ts';
import { toGlanceQuery, toLookQuery, toReadQuery } from './statements.ts';

/** What is wanted of a log. */
export interface ReadRequest {
  readonly address: LogAddress;
  readonly epoch: string;
  /** The events stand after this one. */
  readonly after: string;
  /** The last event that is wanted. @defaultValue the last one that there is */
  readonly upTo?: string;
}

/** What follows in a log; 'lost' where something after the position is missing, or the log is another one. */
export type ReadAnswer = readonly StoredEvent[] | 'lost';

/** An event as it is stored. */
export interface StoredEvent {
  readonly id: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
}

/** All logs together. */
export interface Glance {
  readonly epoch: string;
  readonly lastPlace: string;
}

/** Looks that one query answers at most. */
const looksPerQuery = 1_000;

/** Looks that may wait for the query that is under way. */
const waitingLooks = 10_000;

const largestPlace = String(2n ** 63n - 1n);

/** What is asked about logs. */
export class LogQueries {
  readonly #connection: PostgresConnection;
  readonly #statements: Readonly<Record<'look' | 'read' | 'glance', Statement>>;
  /** Looks that have not been asked for yet, by what they are about. */
  readonly #planned = new Map<string, PlannedLook>();
  #state: 'idle' | 'looking' = 'idle';

  constructor(connection: PostgresConnection, names: PostgresNames) {
    this.#connection = connection;
    this.#statements = {
      look: { name: 'millrace_look', text: toLookQuery(names) },
      read: { name: 'millrace_read', text: toReadQuery(names) },
      glance: { name: 'millrace_glance', text: toGlanceQuery(names) },
    };
  }

  /**
   * Whoever asks while a query is under way shares the next one, whichever log it is about.
   *
   * @remarks
   * A look is never answered by a query that was sent before it was asked for: it shows whatever was published before.
   */
  async look(address: LogAddress, id?: string): Promise<LogLook> {
    const name = `${id ?? ''} ${address.name}`;
    const planned = this.#planned.get(name) ?? planLook(address, id);
    if (this.#planned.size >= waitingLooks)
      throw unavailable('too many questions wait for PostgreSQL');
    this.#planned.set(name, planned);
    if (this.#state === 'idle') {
      this.#state = 'looking';
      void this.#lookOnAndOn(); // never rejects
    }
    return planned.answer;
  }

  /** In the order of the requests. */
  async read(requests: readonly ReadRequest[], limit: number): Promise<readonly ReadAnswer[]> {
    const positions = requests.map(({ after }) => partsOf(after));
    const rows = await this.#connection.run(this.#statements.read, [
      requests.map(({ address }) => address.topic),
      requests.map(({ address }) => address.key),
      positions.map(([place]) => place),
      positions.map(([, tag]) => tag),
      requests.map(({ upTo }) => (upTo === undefined ? largestPlace : partsOf(upTo)[0])),
      requests.map(({ epoch }) => epoch),
      limit,
    ]);
    return toAnswers(rows, requests.length);
  }

  async glance(): Promise<Glance> {
    const rows = await this.#connection.run(this.#statements.glance, []);
    const [epoch, lastPlace] = rows[0] ?? [];
    return { epoch: epoch ?? '', lastPlace: lastPlace ?? '' };
  }

  /** What is asked for in one turn of the event loop is asked for together. */
  async #lookOnAndOn(): Promise<void> {
    await Promise.resolve();
    while (this.#planned.size > 0) {
      const looks = [...this.#planned].slice(0, looksPerQuery);
      for (const [name] of looks) this.#planned.delete(name);
      await this.#lookAt(looks.map(([, look]) => look));
    }
    this.#state = 'idle';
  }

  async #lookAt(looks: readonly PlannedLook[]): Promise<void> {
    const positions = looks.map(({ id }) => (id === undefined ? [null, null] : partsOf(id)));
    try {
      const rows = await this.#connection.run(this.#statements.look, [
        looks.map(({ address }) => address.topic),
        looks.map(({ address }) => address.key),
        positions.map(([place]) => place),
        positions.map(([, tag]) => tag),
      ]);
      for (const [i, look] of looks.entries()) look.resolve(toLook(rows[i] ?? []));
    } catch (error) {
      // whatever it is, those who wait learn it together, and not one query after another
      for (const look of [...looks, ...this.#planned.values()]) look.reject(error);
      this.#planned.clear();
    }
  }
}

interface PlannedLook {
  readonly address: LogAddress;
  readonly id: string | undefined;
  readonly answer: Promise<LogLook>;
  readonly resolve: (look: LogLook) => void;
  readonly reject: (error: unknown) => void;
}

function planLook(address: LogAddress, id: string | undefined): PlannedLook {
  let settle: Pick<PlannedLook, 'resolve' | 'reject'> | undefined;
  const answer = new Promise<LogLook>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // the function that is given to a promise is called at once
  return { address, id, answer, ...(settle as unknown as Pick<PlannedLook, 'resolve' | 'reject'>) };
}

function toLook(row: Rows[number]): LogLook {
  const [epoch, lastPlace, lastTag, firstPlace, firstTag, isHeld] = row;
  return {
    epoch: epoch ?? '',
    lastId: toPositionId(lastPlace ?? '0', lastTag ?? '0'),
    firstId: firstPlace == null ? undefined : toPositionId(firstPlace, firstTag ?? '0'),
    isHeld: isHeld === 't',
  };
}

function toAnswers(rows: Rows, count: number): readonly ReadAnswer[] {
  const answers: (StoredEvent[] | 'lost')[] = Array.from({ length: count }, () => []);
  for (const [index, holds, place, tag, text, publishedAt] of rows) {
    const answer = answers[Number(index)];
    if (holds !== 't') answers[Number(index)] = 'lost';
    else if (answer !== 'lost')
      answer?.push({
        id: toPositionId(place ?? '0', tag ?? '0'),
        text: text ?? '',
        publishedAt: Number(publishedAt),
      });
  }
  return answers;
}
