import { toLiteral } from './names.ts';
import type { PostgresNames } from './names.ts';

/**
 * Settings of a connection that asks: answers with one row if it is with the process $1 of PostgreSQL, and otherwise changes nothing.
 * What is asked is small, and compiling takes longer.
 */
export function toSessionQuery(): string {
  return `SELECT set_config('statement_timeout', $2, false), set_config('jit', 'off', false)
  WHERE pg_backend_pid() = $1::integer`;
}

/** The version of the tables, and the channel on which they notify. */
export function toStateQuery({ state, table }: PostgresNames): string {
  return `SELECT version, 'millrace_' || ${toLiteral(table)}::regclass::oid FROM ${state}`;
}

/** Answers with the epoch, and with the largest place that an event had: where neither changes, nothing was published. */
export function toGlanceQuery(names: PostgresNames): string {
  return `SELECT epoch, last_place FROM ${whole(names)}`;
}

/**
 * Answers, for each position: the epoch, the last place of its log and its tag, the first place and its tag, and whether everything
 * after the position is held.
 *
 * @remarks
 * A log of which nothing is stored has the last place of all: what is published there later has a larger one.
 */
export function toLookQuery(names: PostgresNames): string {
  const { table, marks } = names;
  const end = (direction: string) =>
    `LATERAL (SELECT place, tag FROM ${table} AS event WHERE event.topic = asked.topic
      AND event.key = asked.key AND place IS NOT NULL ORDER BY place ${direction} LIMIT 1)`;
  return `SELECT whole.epoch,
    CASE WHEN mark.place > coalesce(last.place, 0) THEN mark.place
      ELSE coalesce(last.place, whole.last_place) END,
    CASE WHEN mark.place > coalesce(last.place, 0) THEN mark.tag ELSE coalesce(last.tag, 0) END,
    first.place, first.tag, coalesce(${holds(names)}, false)
  FROM ${whole(names)}
  CROSS JOIN unnest($1::text[], $2::text[], $3::bigint[], $4::integer[])
    WITH ORDINALITY AS asked (topic, key, place, tag, i)
  LEFT JOIN ${marks} AS mark ON mark.topic = asked.topic AND mark.key = asked.key
  LEFT JOIN ${end('DESC')} AS last ON true
  LEFT JOIN ${end('ASC')} AS first ON true
  ORDER BY asked.i`;
}

/**
 * Answers, for each log that was asked for and of which there is something to say, with its index and either that something after the position
 * is missing, or the events after it: their places, tags, texts and times. At most $7 for each.
 */
export function toReadQuery(names: PostgresNames): string {
  const { table, marks } = names;
  return `SELECT asked.i - 1, asked.holds, event.place, event.tag, event.event::text,
    floor(extract(epoch FROM event.published_at) * 1000)
  FROM (
    SELECT asked.*, whole.epoch = asked.epoch AND coalesce(${holds(names)}, false) AS holds
    FROM ${whole(names)}
    CROSS JOIN unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[], $6::text[])
      WITH ORDINALITY AS asked (topic, key, place, tag, up_to, epoch, i)
    LEFT JOIN ${marks} AS mark ON mark.topic = asked.topic AND mark.key = asked.key
    OFFSET 0
  ) AS asked
  LEFT JOIN LATERAL (SELECT place, tag, event, published_at FROM ${table} AS event
    WHERE asked.holds AND event.topic = asked.topic AND event.key = asked.key
      AND event.place > asked.place AND event.place <= asked.up_to
    ORDER BY place LIMIT $7) AS event ON true
  WHERE event.place IS NOT NULL OR NOT asked.holds
  ORDER BY asked.i, event.place`;
}

/** In the order of its values; each with its topic, key, event and id. */
export function toInsertStatement({ table }: PostgresNames): string {
  return `INSERT INTO ${table} (topic, key, event, idempotency_id)
  SELECT given.topic, given.key, given.event::json, given.id
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS given (topic, key, event, id, i)
  ORDER BY given.i
  ON CONFLICT DO NOTHING`;
}

/** As the insertion, in a transaction of its own; answers with the epoch, the place and the tag of each. */
export function toPublishStatement({ routine }: PostgresNames): string {
  return `SELECT epoch, place, tag
  FROM ${routine('publish')}($1::text[], $2::text[], $3::text[], $4::text[], $5::integer)`;
}

/** Answers with how many events were removed. */
export function toCleanStatement({ routine }: PostgresNames): string {
  return `SELECT ${routine('clean')}($1::bigint, $2::bigint, $3::bigint, $4::integer, $5::text[], $6::text[], $7::integer)`;
}

/** What is known of all logs together: one row. */
function whole({ state, table, marks, routine }: PostgresNames): string {
  return `(SELECT ${routine('epoch')}() AS epoch, floor, greatest(floor,
    (SELECT max(place) FROM ${table}), (SELECT max(place) FROM ${marks})) AS last_place
    FROM ${state} LIMIT 1) AS whole`;
}

/**
 * Whether everything after a position is held. (Not with EXISTS, for which the whole table may be read where many positions are asked about.) It names an event that is there, or the one that was removed last; or none (tag 0): then nothing
 * of the log may have been removed since.
 */
function holds({ table }: PostgresNames): string {
  return `(CASE asked.tag
    WHEN 0 THEN asked.place BETWEEN coalesce(mark.place, whole.floor) AND whole.last_place
    ELSE (mark.place = asked.place AND mark.tag = asked.tag)
      OR (coalesce(mark.place, 0) < asked.place AND (SELECT true FROM ${table} AS held
        WHERE held.place = asked.place AND held.tag = asked.tag
          AND held.topic = asked.topic AND held.key = asked.key LIMIT 1)) END)`;
}
