#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 7
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS)

/** Log-linear: 128 buckets for each doubling, so that a value is off by less than 0.8 %. */
struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
  uint64_t total;
  int64_t max;
};

/** Below zero counts as zero. */
void histogram_add(struct histogram *histogram, int64_t value);

/** The value that so large a share of all values does not exceed. */
int64_t histogram_quantile(const struct histogram *histogram, double share);

#endif
