#include "open-loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "control.h"
#include "fail.h"
#include "pump.h"

/** After the last event has been published, silence of this length means that what is missing is lost. */
#define SILENCE_NS (10 * NS_PER_SECOND)

static int64_t due_ns(const struct open_loop *loop, uint64_t event) {
  return loop->begin_ns + (int64_t)((double)event / loop->rate * (double)NS_PER_SECOND);
}

void publish_due(struct run *run, struct open_loop *loop) {
  while (loop->published < loop->events) {
    int64_t now = now_ns();
    if (now < loop->next_due_ns) return;
    publish(run, 1, loop->text_bytes);
    histogram_add(&loop->lateness_ns, now - loop->next_due_ns);
    loop->published++;
    loop->next_due_ns = loop->published < loop->events ? due_ns(loop, loop->published) : FAR_FUTURE;
  }
}

void record_latency(struct open_loop *loop, int64_t seq) {
  uint64_t event = (uint64_t)(seq - loop->seq_before - 1) / loop->rooms;
  histogram_add(&loop->latencies_ns, now_ns() - due_ns(loop, event));
}

static void run_open_loop(struct run *run, struct open_loop *loop) {
  while (loop->published < loop->events) {
    publish_due(run, loop);
    pump(run, loop->next_due_ns);
  }
  int64_t silent_at = now_ns() + SILENCE_NS;
  while (run->outstanding > 0 && now_ns() < silent_at) {
    uint64_t before = run->messages;
    pump(run, silent_at);
    if (run->messages > before) silent_at = now_ns() + SILENCE_NS;
  }
}

static void print_quantiles(const char *name, const struct histogram *histogram) {
  printf("\"%s\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f}", name,
         (double)histogram_quantile(histogram, 0.5) / 1e6,
         (double)histogram_quantile(histogram, 0.9) / 1e6,
         (double)histogram_quantile(histogram, 0.99) / 1e6,
         (double)histogram_quantile(histogram, 0.999) / 1e6, (double)histogram->max / 1e6);
}

void measure_latency(struct run *run, double rate, double seconds, uint32_t text_bytes) {
  struct open_loop *loop = calloc(1, sizeof *loop);
  if (loop == NULL || rate <= 0) fail("no open loop at %g events/s", rate);
  struct server_stats before = ask_stats(run);
  uint64_t messages_before = run->messages;
  int64_t cpu_before = own_cpu_us();
  *loop = (struct open_loop){
      .begin_ns = now_ns() + 10 * NS_PER_MS,
      .rate = rate,
      .text_bytes = text_bytes,
      .events = (uint64_t)ceil(rate * seconds),
      .seq_before = before.seq,
      .rooms = run->options.rooms,
  };
  loop->next_due_ns = loop->begin_ns;
  run->strict = false;
  run->busy_ns = 0;
  run->outstanding = (int64_t)(loop->events * readers(run));
  uint64_t expected = (uint64_t)run->outstanding;
  run->open_loop = loop;
  run->spinning = true;
  run_open_loop(run, loop);
  run->open_loop = NULL;
  run->spinning = false;
  int64_t wall_ns = now_ns() - loop->begin_ns;
  double busy_us = (double)(own_cpu_us() - cpu_before) * (double)run->busy_ns / (double)wall_ns;
  struct server_stats after = ask_stats(run);
  uint64_t messages = run->messages - messages_before;
  printf("{\"events\":%llu,\"messages\":%llu,\"lost\":%lld,\"rate\":%g,\"wallMs\":%.1f,"
         "\"serverCpuUs\":%lld,\"generatorBusyUs\":%.0f,",
         (unsigned long long)loop->events, (unsigned long long)messages,
         (long long)(expected - messages), rate, (double)wall_ns / 1e6,
         (long long)(after.cpu_us - before.cpu_us), busy_us);
  print_quantiles("latencyMs", &loop->latencies_ns);
  printf(",");
  print_quantiles("publishLateMs", &loop->lateness_ns);
  printf("}\n");
  fflush(stdout);
  free(loop);
}
