#include "event-stream.h"

#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "fail.h"
#include "held-bytes.h"

/** After the blank line that ends the first event, or NULL. Looks at what comes after `from` only. */
static const char *end_of_event(const char *bytes, size_t length, size_t from) {
  const char *end = bytes + length;
  const char *at = bytes + from;
  while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
    at++;
    if (at == end) return NULL;
    if (*at == '\n') return at + 1;
  }
  return NULL;
}

static void receive_event(struct run *run, struct client *client, const char *text, size_t length) {
  int64_t seq = find_seq(text, length);
  if (seq >= 0) {
    run->frame_bytes = (uint32_t)length;
    deliver(run, client, seq);
    return;
  }
  if (text[0] == ':' || text[0] == '\n') return; // a comment keeps the connection alive
  fail("client %u got %.*s", client->index, length > 500 ? 500 : (int)length, text);
}

/** Reads whole events; returns how many bytes they have. */
static size_t receive_events(struct run *run, struct client *client, const char *bytes,
                             size_t length, size_t searched) {
  size_t at = 0;
  size_t from = searched;
  const char *end;
  while (at < length && (end = end_of_event(bytes + at, length - at, from)) != NULL) {
    size_t event_length = (size_t)(end - bytes) - at;
    receive_event(run, client, bytes + at, event_length);
    at += event_length;
    from = 0;
  }
  return at;
}

static void receive_text(struct run *run, struct client *client, const char *bytes, size_t length) {
  struct held_bytes *event = &client->event;
  if (event->length == 0) {
    size_t done = receive_events(run, client, bytes, length, 0);
    if (done < length) held_append(event, bytes + done, length - done);
    return;
  }
  // the last byte may be the first of the two line ends
  size_t searched = event->length - 1;
  held_append(event, bytes, length);
  held_drop(event, receive_events(run, client, event->bytes, event->length, searched));
}

/** Reads the line with the size; returns its length, or 0 if it has not come whole. */
static size_t read_size(struct client *client, const char *bytes, size_t length) {
  const char *end = memchr(bytes, '\n', length);
  if (end == NULL) return 0;
  char *after;
  client->remaining_bytes = strtoull(bytes, &after, 16);
  if (after == bytes) fail("client %u got a chunk without a size", client->index);
  if (client->remaining_bytes == 0) fail("client %u: the event stream has ended", client->index);
  client->chunk_state = CHUNK_DATA;
  return (size_t)(end - bytes) + 1;
}

static size_t read_data(struct run *run, struct client *client, const char *bytes, size_t length) {
  size_t taken = client->remaining_bytes < length ? client->remaining_bytes : length;
  receive_text(run, client, bytes, taken);
  client->remaining_bytes -= taken;
  if (client->remaining_bytes == 0) client->chunk_state = CHUNK_END;
  return taken;
}

static size_t read_end(struct client *client, size_t length) {
  if (length < 2) return 0;
  client->chunk_state = CHUNK_SIZE;
  return 2;
}

static size_t read_part(struct run *run, struct client *client, const char *bytes, size_t length) {
  switch (client->chunk_state) {
    case CHUNK_SIZE: return read_size(client, bytes, length);
    case CHUNK_DATA: return read_data(run, client, bytes, length);
    case CHUNK_END: return read_end(client, length);
  }
  return 0;
}

size_t event_stream_consume(struct run *run, struct client *client, const char *bytes,
                            size_t length) {
  size_t at = 0;
  while (at < length) {
    size_t done = read_part(run, client, bytes + at, length - at);
    if (done == 0) return at;
    at += done;
  }
  return at;
}
