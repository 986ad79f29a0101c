import { idTaken } from './failures.ts';
import { toLiteral, toNames } from './names.ts';
import type { PostgresNames, PostgresTableOptions } from './names.ts';

/** Of what {@link postgresMigration} makes; a broker refuses any other. */
export const schemaVersion = 1;

/**
 * SQL that makes the table of events and what belongs to it.
 *
 * @remarks
 * One statement, so it happens as a whole. Running it again, or in several processes at once, changes nothing. Run it as the role that is to own the table.
 */
export function postgresMigration(options: PostgresTableOptions = {}): string {
  const names = toNames(options);
  return `DO $migration$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(${toLiteral(`millrace ${names.table}`)}, 0));
  IF to_regclass(${toLiteral(names.table)}) IS NOT NULL THEN
    IF (SELECT version FROM ${names.state}) IS DISTINCT FROM ${schemaVersion} THEN
      RAISE EXCEPTION 'the table of events was made by another version of Millrace';
    END IF;
    RETURN;
  END IF;
${indent(makeTables(names))}
${indent(makeEpoch(names))}
${indent(makeAcceptance(names))}
${indent(makeRemoval(names))}
${indent(makePublish(names))}
${indent(makeCleaning(names))}
END
$migration$;
`;
}

/** What is left of a table that was dropped is dropped as well: its places mean nothing any more. */
function makeTables({ schema, table, marks, state, order, part }: PostgresNames): string {
  return `
IF to_regnamespace(${toLiteral(schema)}) IS NULL THEN
  CREATE SCHEMA ${schema};
END IF;
DROP TABLE IF EXISTS ${marks}, ${state};
DROP SEQUENCE IF EXISTS ${order};
CREATE TABLE ${state} (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version integer NOT NULL,
  epoch text NOT NULL,
  floor bigint NOT NULL
);
INSERT INTO ${state} (version, epoch, floor)
  VALUES (${schemaVersion}, right(gen_random_uuid()::text, 12), 0);
CREATE TABLE ${marks} (
  topic text NOT NULL,
  key text NOT NULL,
  place bigint NOT NULL,
  tag integer NOT NULL,
  used_at timestamptz NOT NULL,
  PRIMARY KEY (topic, key)
);
CREATE INDEX ${part('marks_place')} ON ${marks} (place);
CREATE INDEX ${part('marks_used')} ON ${marks} (used_at);
CREATE SEQUENCE ${order};
CREATE TABLE ${table} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  key text NOT NULL DEFAULT '',
  event json NOT NULL,
  idempotency_id text,
  place bigint,
  tag integer NOT NULL DEFAULT 1 + floor(random() * 2147483647)::integer,
  published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX ${part('places')} ON ${table} (place);
CREATE UNIQUE INDEX ${part('logs')} ON ${table} (topic, key, place);
CREATE UNIQUE INDEX ${part('ids')} ON ${table} (topic, key, idempotency_id)
  WHERE idempotency_id IS NOT NULL;`;
}

/**
 * The epoch changes with the table, and with whatever may have lost its end: another cluster, another time line of it.
 *
 * @remarks
 * Where a role may not know these, it is that of the table alone. They stay the same for as long as a server process lives, so they are asked for once,
 * by each table for itself: the owner of another one may know more, or less, and a server process may serve both.
 */
function makeEpoch({ table, state, routine }: PostgresNames): string {
  return `
CREATE OR REPLACE FUNCTION ${routine('epoch')}() RETURNS text
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  events_table oid := ${toLiteral(table)}::regclass;
  known_as text := 'millrace.history_' || events_table;
  history text := current_setting(known_as, true);
BEGIN
  IF coalesce(history, '') = '' THEN
    BEGIN
      history := (SELECT system_identifier FROM pg_control_system())
        || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
    EXCEPTION WHEN insufficient_privilege OR feature_not_supported OR undefined_function THEN
      history := 'unknown';
    END;
    PERFORM set_config(known_as, history, false);
  END IF;
  RETURN (SELECT epoch FROM ${state}) || '.' || left(to_hex(
    hashtextextended(history, events_table::bigint)), 8);
END
$body$;`;
}

/**
 * Gives events their places when their transaction commits, one transaction after another: whoever sees an event sees all with smaller places.
 *
 * @remarks
 * The lock is held from the end of a transaction, when deferred triggers run, until its events can be seen. So a transaction that
 * stays open holds up nobody.
 */
function makeAcceptance({ table, order, part, routine }: PostgresNames): string {
  return `
CREATE OR REPLACE FUNCTION ${routine('accept')}() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  ${takeLock('TG_RELID')};
  UPDATE ${table} SET place = nextval(${toLiteral(order)}::regclass), published_at = clock_timestamp()
    WHERE id = NEW.id AND place IS NULL;
  IF FOUND THEN
    ${notify('TG_RELID', 'NEW')};
  END IF;
  RETURN NULL;
END
$body$;
CREATE CONSTRAINT TRIGGER ${part('accept')} AFTER INSERT ON ${table}
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.place IS NULL)
  EXECUTE FUNCTION ${routine('accept')}();`;
}

/** Whoever removes events: it is remembered up to where each log is incomplete. */
function makeRemoval({ table, marks, state, order, part, routine }: PostgresNames): string {
  return `
CREATE OR REPLACE FUNCTION ${routine('remove')}() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  INSERT INTO ${marks} AS mark (topic, key, place, tag, used_at)
    SELECT DISTINCT ON (topic, key) topic, key, place, tag, now() FROM removed
      WHERE place IS NOT NULL ORDER BY topic, key, place DESC
    ON CONFLICT (topic, key) DO UPDATE
      SET place = excluded.place, tag = excluded.tag, used_at = excluded.used_at
      WHERE mark.place < excluded.place;
  RETURN NULL;
END
$body$;
CREATE TRIGGER ${part('remove')} AFTER DELETE ON ${table}
  REFERENCING OLD TABLE AS removed FOR EACH STATEMENT
  EXECUTE FUNCTION ${routine('remove')}();
CREATE OR REPLACE FUNCTION ${routine('truncate')}() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  DELETE FROM ${marks};
  UPDATE ${state} SET epoch = right(gen_random_uuid()::text, 12),
    floor = nextval(${toLiteral(order)}::regclass);
  RETURN NULL;
END
$body$;
CREATE TRIGGER ${part('truncate')} AFTER TRUNCATE ON ${table}
  FOR EACH STATEMENT EXECUTE FUNCTION ${routine('truncate')}();`;
}

/**
 * Publishes in a transaction of its own, in the order of the arguments.
 *
 * @remarks
 * Events with ids are added first: who waits there for another transaction with the same id must not hold the lock, and not for long hold up
 * what the same process has to publish besides.
 */
function makePublish({ table, order, routine }: PostgresNames): string {
  return `
CREATE OR REPLACE FUNCTION ${routine('publish')}(
    topics text[], keys text[], events text[], ids text[], wait_ms integer)
  RETURNS TABLE (epoch text, place bigint, tag integer)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  events_table oid := ${toLiteral(table)}::regclass;
  ordering regclass := ${toLiteral(order)}::regclass;
  current_epoch text := ${routine('epoch')}();
BEGIN
  epoch := current_epoch;
  IF array_remove(ids, NULL) <> '{}' THEN
    PERFORM set_config('lock_timeout', greatest(1, wait_ms / 8)::text, true);
    BEGIN
      INSERT INTO ${table} (topic, key, event, idempotency_id)
        SELECT DISTINCT ON (given.topic, given.key, given.id)
            given.topic, given.key, given.event::json, given.id
          FROM unnest(topics, keys, events, ids) WITH ORDINALITY AS given (topic, key, event, id, i)
          WHERE given.id IS NOT NULL ORDER BY given.topic, given.key, given.id, given.i
        ON CONFLICT DO NOTHING;
    EXCEPTION WHEN lock_not_available THEN
      RAISE EXCEPTION 'another transaction publishes with the same id'
        USING ERRCODE = ${toLiteral(idTaken)};
    END;
  END IF;
  PERFORM set_config('lock_timeout', wait_ms::text, true);
  ${takeLock('events_table')};
  IF array_remove(ids, NULL) = '{}' THEN
    RETURN QUERY INSERT INTO ${table} AS stored (topic, key, event, place)
      SELECT given.topic, given.key, given.event::json, nextval(ordering) FROM (
        SELECT * FROM unnest(topics, keys, events) WITH ORDINALITY ORDER BY 4
      ) AS given (topic, key, event, i)
      RETURNING current_epoch, stored.place, stored.tag;
  ELSE
    FOR i IN 1 .. cardinality(topics) LOOP
      IF ids[i] IS NULL THEN
        INSERT INTO ${table} AS stored (topic, key, event, place)
          VALUES (topics[i], keys[i], events[i]::json, nextval(ordering))
          RETURNING stored.place, stored.tag INTO place, tag;
      ELSE
        UPDATE ${table} AS stored SET place = nextval(ordering), published_at = clock_timestamp()
          WHERE stored.topic = topics[i] AND stored.key = keys[i]
            AND stored.idempotency_id = ids[i] AND stored.place IS NULL;
        SELECT stored.place, stored.tag INTO STRICT place, tag FROM ${table} AS stored
          WHERE stored.topic = topics[i] AND stored.key = keys[i] AND stored.idempotency_id = ids[i];
      END IF;
      RETURN NEXT;
    END LOOP;
  END IF;
  ${notify('events_table', 'given')}
    FROM (SELECT DISTINCT * FROM unnest(topics, keys)) AS given (topic, key);
END
$body$;
REVOKE ALL ON FUNCTION ${routine('publish')}(text[], text[], text[], text[], integer) FROM PUBLIC;`;
}

/**
 * Removes what is too old, and in some logs what is too much; keeps alive what is known of these logs.
 *
 * @remarks
 * Answers how many events it removed; the caller calls again while that is `batch` or more. Whoever else cleans waits meanwhile.
 */
function makeCleaning({ table, marks, state, routine }: PostgresNames): string {
  return `
CREATE OR REPLACE FUNCTION ${routine('clean')}(
    age_ms bigint, idle_ms bigint, most bigint, batch integer, topics text[], keys text[],
    wait_ms integer)
  RETURNS bigint
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  removed bigint;
  more bigint;
  idle interval := idle_ms * interval '1 millisecond';
BEGIN
  PERFORM set_config('lock_timeout', wait_ms::text, true);
  PERFORM pg_advisory_xact_lock(
    hashtextextended('millrace clean', ${toLiteral(table)}::regclass::oid::bigint));
  UPDATE ${marks} AS mark SET used_at = now()
    FROM unnest(topics, keys) AS given (topic, key)
    WHERE mark.topic = given.topic AND mark.key = given.key AND mark.used_at < now() - idle / 4;
  DELETE FROM ${table} WHERE published_at < now() - age_ms * interval '1 millisecond'
    AND place IN (SELECT place FROM ${table} WHERE place IS NOT NULL ORDER BY place LIMIT batch);
  GET DIAGNOSTICS removed = ROW_COUNT;
  FOR i IN 1 .. cardinality(topics) LOOP
    EXIT WHEN removed >= batch;
    DELETE FROM ${table} WHERE place IN (
      SELECT place FROM ${table} WHERE topic = topics[i] AND key = keys[i] AND place <= (
        SELECT place FROM ${table} WHERE topic = topics[i] AND key = keys[i] AND place IS NOT NULL
          ORDER BY place DESC OFFSET most LIMIT 1)
      ORDER BY place LIMIT batch);
    GET DIAGNOSTICS more = ROW_COUNT;
    removed := removed + more;
  END LOOP;
  WITH idle_marks AS (
    DELETE FROM ${marks} WHERE (topic, key) IN (
      SELECT topic, key FROM ${marks} WHERE used_at < now() - idle ORDER BY used_at LIMIT batch)
    AND used_at < now() - idle RETURNING place)
  UPDATE ${state} SET floor = greatest(floor, (SELECT max(place) FROM idle_marks))
    WHERE EXISTS (SELECT FROM idle_marks);
  RETURN removed;
END
$body$;
REVOKE ALL ON FUNCTION ${routine('clean')}(bigint, bigint, bigint, integer, text[], text[], integer) FROM PUBLIC;`;
}

/** Of a table, by its oid. */
function takeLock(oid: string): string {
  return `PERFORM pg_advisory_xact_lock(hashtextextended('millrace', ${oid}::bigint))`;
}

/** That something was published to the log that a record names; if the name is longer than a notification may be, that something was published. */
function notify(oid: string, record: string): string {
  const name = `json_build_array(${record}.topic, ${record}.key)::text`;
  return `PERFORM pg_notify('millrace_' || ${oid}, CASE
      WHEN octet_length(${record}.topic) + octet_length(${record}.key) > 1300 -- JSON may have six bytes for one
        AND octet_length(${name}) >= 8000 THEN ''
      ELSE ${name} END)`;
}

function indent(sql: string): string {
  return sql.replaceAll(/^(?=.)/gm, '  ');
}
