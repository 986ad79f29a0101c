#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "options.h"

#define RECEIVE_BUFFER_BYTES (512 * 1024)

/** All clients of one server, and what has been counted. One thread. */
struct run {
  struct options options;
  struct client *clients;
  int epoll;
  int control;
  /** What one client has just received; shared by all, nothing outlives the call that reads it. */
  char *buffer;

  uint32_t opened;
  uint32_t subscribed;
  uint32_t closed;
  uint64_t messages;
  uint64_t bytes;
  /** Events that a client should have got between two others. */
  uint64_t gaps;
  uint32_t frame_bytes;

  /** Whether a gap ends the run. */
  bool strict;
  /** Messages that are missing until the closed loop publishes again. */
  int64_t outstanding;
  /** The open loop, or NULL: then receiving needs no clock. */
  struct open_loop *open_loop;
  bool stdin_ready;
  /**
   * During a measure it asks again and again instead of sleeping: a delivery that has to wake
   * somebody costs the server up to 2 us more, which remote clients would not.
   */
  bool spinning;
  /** Time spent with something to do. */
  int64_t busy_ns;
};

/** How many clients read. */
static inline uint32_t readers(const struct run *run) {
  return run->options.clients - run->options.stalled - run->closed;
}

#endif
