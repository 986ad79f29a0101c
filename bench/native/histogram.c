#include "histogram.h"

#include <math.h>

#define STEPS (1ULL << HISTOGRAM_STEP_BITS)

static uint32_t bucket_of(uint64_t value) {
  if (value < STEPS) return (uint32_t)value;
  uint32_t doublings = 63 - (uint32_t)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
  return (uint32_t)((doublings << HISTOGRAM_STEP_BITS) + (value >> doublings));
}

/** The largest value of the bucket. */
static int64_t upper_bound(uint32_t bucket) {
  if (bucket < 2 * STEPS) return bucket;
  uint32_t doublings = (bucket >> HISTOGRAM_STEP_BITS) - 1;
  uint64_t step = bucket - ((uint64_t)doublings << HISTOGRAM_STEP_BITS);
  return (int64_t)(((step + 1) << doublings) - 1);
}

void histogram_add(struct histogram *histogram, int64_t value) {
  if (value < 0) value = 0;
  histogram->counts[bucket_of((uint64_t)value)]++;
  histogram->total++;
  if (value > histogram->max) histogram->max = value;
}

int64_t histogram_quantile(const struct histogram *histogram, double share) {
  uint64_t wanted = (uint64_t)ceil(share * (double)histogram->total);
  uint64_t seen = 0;
  for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    seen += histogram->counts[bucket];
    if (seen >= wanted && seen > 0) {
      int64_t bound = upper_bound(bucket);
      return bound < histogram->max ? bound : histogram->max;
    }
  }
  return 0;
}
