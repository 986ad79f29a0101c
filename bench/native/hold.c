#include "hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "connections.h"
#include "fail.h"
#include "fan-out.h"
#include "open-loop.h"
#include "pump.h"

#define LINES_CAPACITY 4096

static void print_count(const struct run *run) {
  uint64_t least = UINT64_MAX;
  uint64_t most = 0;
  for (uint32_t i = 0; i < run->options.clients; i++) {
    const struct client *client = &run->clients[i];
    if (client->stalled || client->state == CLIENT_CLOSED) continue;
    if (client->received < least) least = client->received;
    if (client->received > most) most = client->received;
  }
  printf("{\"messages\":%llu,\"least\":%llu,\"most\":%llu,\"gaps\":%llu,\"closed\":%u,"
         "\"stalledAlive\":%u,\"bytes\":%llu}\n",
         (unsigned long long)run->messages, (unsigned long long)(least == UINT64_MAX ? 0 : least),
         (unsigned long long)most, (unsigned long long)run->gaps, run->closed,
         count_stalled_alive(run), (unsigned long long)run->bytes);
  fflush(stdout);
}

static void obey(struct run *run, const char *line) {
  struct fan_out fan_out;
  double rate;
  double seconds;
  uint32_t text_bytes;
  if (sscanf(line, "fan-out %u %u %lf %lf", &fan_out.window, &fan_out.text_bytes,
             &fan_out.warm_up_seconds, &fan_out.seconds) == 4)
    measure_fan_out(run, fan_out);
  else if (sscanf(line, "latency %lf %lf %u", &rate, &seconds, &text_bytes) == 3)
    measure_latency(run, rate, seconds, text_bytes);
  else if (strcmp(line, "count") == 0)
    print_count(run);
  else
    fail("unknown command: %s", line);
}

/** Obeys the whole lines; returns how many bytes they had. */
static size_t obey_lines(struct run *run, char *text, size_t length) {
  size_t at = 0;
  char *end;
  while ((end = memchr(text + at, '\n', length - at)) != NULL) {
    *end = '\0';
    obey(run, text + at);
    at = (size_t)(end - text) + 1;
  }
  return at;
}

void hold(struct run *run) {
  char lines[LINES_CAPACITY];
  size_t length = 0;
  watch_stdin(run);
  for (;;) {
    pump(run, now_ns() + NS_PER_SECOND);
    if (!run->stdin_ready) continue;
    ssize_t come = read(STDIN_FILENO, lines + length, sizeof lines - length);
    if (come <= 0) return;
    length += (size_t)come;
    size_t done = obey_lines(run, lines, length);
    length -= done;
    memmove(lines, lines + done, length);
    run->stdin_ready = false;
  }
}
