#ifndef BENCH_FAN_OUT_H
#define BENCH_FAN_OUT_H

#include "run.h"

struct fan_out {
  uint32_t window;
  uint32_t text_bytes;
  double warm_up_seconds;
  double seconds;
};

/** Publishes again as soon as every reader has everything; prints one line of JSON. */
void measure_fan_out(struct run *run, struct fan_out measure);

#endif
