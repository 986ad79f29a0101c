#include "events.h"

#include <string.h>

#include "fail.h"
#include "open-loop.h"

#define KEY "\"seq\":"
#define KEY_LENGTH (sizeof KEY - 1)

int64_t find_seq(const char *bytes, size_t length) {
  // it stands at the same place in almost every frame, so that nothing has to be searched
  static size_t usual = 0;
  const char *found = NULL;
  if (usual + KEY_LENGTH < length && memcmp(bytes + usual, KEY, KEY_LENGTH) == 0) {
    found = bytes + usual;
  } else {
    found = memmem(bytes, length, KEY, KEY_LENGTH);
    if (found == NULL) return -1;
    usual = (size_t)(found - bytes);
  }
  const char *end = bytes + length;
  const char *digit = found + KEY_LENGTH;
  int64_t seq = 0;
  for (; digit < end && *digit >= '0' && *digit <= '9'; digit++) seq = seq * 10 + (*digit - '0');
  return digit < end ? seq : -1;
}

/** An event of each room is published in turn, so that the events of one room are so far apart. */
static int64_t step(const struct run *run) { return run->options.rooms; }

void deliver(struct run *run, struct client *client, int64_t seq) {
  int64_t last = client->last_seq;
  if (seq <= last)
    fail("client %u got event %lld after %lld", client->index, (long long)seq, (long long)last);
  if (last != 0 && seq != last + step(run)) {
    if (run->strict)
      fail("client %u lost events between %lld and %lld", client->index, (long long)last,
           (long long)seq);
    run->gaps += (uint64_t)((seq - last) / step(run) - 1);
  }
  client->last_seq = seq;
  client->received++;
  run->messages++;
  run->outstanding--;
  if (run->open_loop != NULL) record_latency(run->open_loop, seq);
}

void assert_complete(const struct run *run, int64_t last_seq) {
  uint32_t rooms = run->options.rooms;
  for (uint32_t i = 0; i < run->options.clients; i++) {
    const struct client *client = &run->clients[i];
    if (client->stalled || client->state == CLIENT_CLOSED) continue;
    int64_t expected = last_seq - (rooms - 1 - i % rooms);
    if (client->last_seq != expected)
      fail("client %u ends with event %lld instead of %lld", i, (long long)client->last_seq,
           (long long)expected);
  }
}
