#ifndef BENCH_OPEN_LOOP_H
#define BENCH_OPEN_LOOP_H

#include "clock.h"
#include "histogram.h"
#include "run.h"

/** Publishes at fixed instants whether or not earlier events have arrived. */
struct open_loop {
  int64_t begin_ns;
  double rate;
  uint32_t text_bytes;
  uint64_t events;
  uint64_t published;
  int64_t next_due_ns;
  int64_t seq_before;
  uint32_t rooms;
  struct histogram latencies_ns;
  /** How late the publish commands were written: the generator's own share of the latencies. */
  struct histogram lateness_ns;
};

/** Writes the publish commands that are due. */
void publish_due(struct run *run, struct open_loop *loop);

/** How long after its event was due this message has come. */
void record_latency(struct open_loop *loop, int64_t seq);

/** One line of JSON with the latencies of all readers and events. */
void measure_latency(struct run *run, double rate, double seconds, uint32_t text_bytes);

#endif
