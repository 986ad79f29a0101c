#include "fan-out.h"

#include <stdio.h>

#include "clock.h"
#include "control.h"
#include "events.h"
#include "fail.h"
#include "pump.h"

#define PATIENCE_NS (30 * NS_PER_SECOND)

static void run_round(struct run *run, const struct fan_out *measure) {
  run->outstanding = (int64_t)measure->window * readers(run);
  publish(run, measure->window, measure->text_bytes);
  int64_t give_up_at = now_ns() + PATIENCE_NS;
  while (run->outstanding > 0) {
    pump(run, give_up_at);
    if (now_ns() >= give_up_at)
      fail("%lld messages have not come", (long long)run->outstanding);
  }
}

/** At least one round; returns how many. */
static uint64_t run_rounds(struct run *run, const struct fan_out *measure, double seconds) {
  int64_t end_at = now_ns() + (int64_t)(seconds * (double)NS_PER_SECOND);
  uint64_t rounds = 0;
  do {
    run_round(run, measure);
    rounds++;
  } while (now_ns() < end_at);
  return rounds;
}

void measure_fan_out(struct run *run, struct fan_out measure) {
  run->strict = true;
  run->spinning = true;
  if (measure.warm_up_seconds > 0) run_rounds(run, &measure, measure.warm_up_seconds);
  struct server_stats before = ask_stats(run);
  uint64_t messages_before = run->messages;
  uint64_t bytes_before = run->bytes;
  int64_t cpu_before = own_cpu_us();
  int64_t begin = now_ns();
  run->busy_ns = 0;
  uint64_t rounds = run_rounds(run, &measure, measure.seconds);
  int64_t wall_ns = now_ns() - begin;
  int64_t cpu_us = own_cpu_us() - cpu_before;
  struct server_stats after = ask_stats(run);
  assert_complete(run, after.seq);
  run->strict = false;
  run->spinning = false;
  uint64_t messages = run->messages - messages_before;
  double busy_share = (double)run->busy_ns / (double)wall_ns;
  // of the processor's time, so that it does not count while somebody else has the core
  double busy_us = (double)cpu_us * busy_share;
  int64_t server_us = after.cpu_us - before.cpu_us;
  printf("{\"messages\":%llu,\"rounds\":%llu,\"window\":%u,\"serverCpuUs\":%lld,"
         "\"serverCpuPerMessageUs\":%.4f,\"wallMs\":%.2f,\"messagesPerSecond\":%.0f,"
         "\"generatorBusyUs\":%.0f,\"generatorBusyPerMessageUs\":%.4f,"
         "\"serverShare\":%.3f,\"generatorShare\":%.3f,\"bytes\":%llu,\"frameBytes\":%u,"
         "\"rssBytes\":%lld}\n",
         (unsigned long long)messages, (unsigned long long)rounds, measure.window,
         (long long)server_us, (double)server_us / (double)messages, (double)wall_ns / 1e6,
         (double)messages / ((double)wall_ns / 1e9), busy_us,
         busy_us / (double)messages, (double)server_us * 1e3 / (double)wall_ns, busy_share,
         (unsigned long long)(run->bytes - bytes_before),
         run->frame_bytes, (long long)after.rss_bytes);
  fflush(stdout);
}
