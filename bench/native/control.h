#ifndef BENCH_CONTROL_H
#define BENCH_CONTROL_H

#include "run.h"

struct server_stats {
  int64_t cpu_us;
  int64_t rss_bytes;
  int64_t seq;
};

void connect_control(struct run *run);

/** Waits for the answer; nothing else may be due in the meantime. */
struct server_stats ask_stats(const struct run *run);

/** Has `count` events published at once in every room. */
void publish(const struct run *run, uint32_t count, uint32_t text_bytes);

#endif
