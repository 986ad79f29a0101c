#include "establish.h"

#include <stdio.h>

#include "clock.h"
#include "connections.h"
#include "control.h"
#include "events.h"
#include "fail.h"
#include "pump.h"

#define PATIENCE_NS (60 * NS_PER_SECOND)
#define POLL_NS (50 * NS_PER_MS)
/** A server that uses no more between two polls has done everything that it was asked for. */
#define QUIET_US 1000
/** Of so many clients each that are there already, another microsecond goes to pings. */
#define CLIENTS_OF_A_US 5

/** However long all of them take together: it is over where nobody comes in any more. */
static void connect_all(struct run *run) {
  int64_t give_up_at = now_ns() + PATIENCE_NS;
  while (run->subscribed < run->options.clients) {
    uint32_t before = run->subscribed;
    open_connections(run);
    pump(run, give_up_at);
    if (run->subscribed > before) give_up_at = now_ns() + PATIENCE_NS;
    if (now_ns() >= give_up_at)
      fail("only %u of %u clients are subscribed", run->subscribed, run->options.clients);
  }
}

/** Most protocols do not confirm a subscription; but a server that has nothing left to do has begun it. */
static struct server_stats wait_until_quiet(struct run *run) {
  int64_t quiet_us = QUIET_US + run->options.clients / CLIENTS_OF_A_US;
  int64_t give_up_at = now_ns() + PATIENCE_NS;
  struct server_stats stats = ask_stats(run);
  for (;;) {
    int64_t poll_at = now_ns() + POLL_NS;
    while (now_ns() < poll_at) pump(run, poll_at);
    struct server_stats later = ask_stats(run);
    if (later.cpu_us - stats.cpu_us <= quiet_us) return stats;
    if (now_ns() >= give_up_at) fail("the server does not come to rest");
    stats = later;
  }
}

static void probe(struct run *run) {
  run->outstanding = run->options.clients;
  publish(run, 1, run->options.text_bytes);
  int64_t give_up_at = now_ns() + PATIENCE_NS;
  while (run->outstanding > 0) {
    pump(run, give_up_at);
    if (now_ns() >= give_up_at)
      fail("%lld clients did not get the first event", (long long)run->outstanding);
  }
  assert_complete(run, ask_stats(run).seq);
}

void establish(struct run *run) {
  struct server_stats before = ask_stats(run);
  int64_t cpu_before = own_cpu_us();
  int64_t begin = now_ns();
  connect_all(run);
  int64_t wall_ns = now_ns() - begin;
  int64_t cpu_us = own_cpu_us() - cpu_before;
  struct server_stats after = wait_until_quiet(run);
  probe(run);
  stall_clients(run);
  double server_us = (double)(after.cpu_us - before.cpu_us);
  printf("{\"ready\":true,\"clients\":%u,\"wallMs\":%.1f,\"serverCpuUs\":%.0f,"
         "\"serverCpuPerConnectionUs\":%.2f,\"generatorCpuUs\":%lld,\"rssBeforeBytes\":%lld,"
         "\"rssBytes\":%lld,\"frameBytes\":%u}\n",
         run->options.clients, (double)wall_ns / 1e6, server_us, server_us / run->options.clients,
         (long long)cpu_us, (long long)before.rss_bytes, (long long)after.rss_bytes,
         run->frame_bytes);
  fflush(stdout);
}
