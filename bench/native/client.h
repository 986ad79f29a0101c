#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum client_state {
  CLIENT_UNOPENED,
  /** The request is sent, the head of its response is not complete. */
  CLIENT_REQUESTED,
  CLIENT_AWAITS_ACK,
  CLIENT_SUBSCRIBED,
  CLIENT_CLOSED,
};

enum chunk_state { CHUNK_SIZE, CHUNK_DATA, CHUNK_END };

/** Bytes that have come but are not complete yet. */
struct held_bytes {
  char *bytes;
  uint32_t length;
  uint32_t capacity;
};

struct client {
  int fd;
  uint32_t index;
  enum client_state state;
  /** Never reads again. */
  bool stalled;
  /** Of the last event; 0 before the first. */
  int64_t last_seq;
  uint64_t received;
  /** What is still to come of a frame, or of a chunk of an event stream. */
  uint64_t remaining_bytes;
  /** Of the frame that is still coming. */
  int64_t coming_seq;
  /** The beginning of a head, a frame or a chunk that has not come whole. */
  struct held_bytes held;
  enum chunk_state chunk_state;
  /** Of a server that keeps a context for this client; nothing where all can share one. */
  void *inflater;
  /** The beginning of an event of an event stream. */
  struct held_bytes event;
};

/**
 * Sends all of it: the socket is blocking, and next to nothing is sent.
 *
 * Afterwards the kernel takes the connection for a conversation and would hold acknowledgements
 * back; until there is a silence, the server's core would write every second one itself when it
 * sends, for a quarter of the cost of a send. This is undone at once: whoever reads acknowledges.
 */
void client_send(const struct client *client, const char *bytes, size_t length);

#endif
