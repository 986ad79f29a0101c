#include "pump.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "connections.h"
#include "fail.h"
#include "open-loop.h"

#define READY_AT_ONCE 512

static int wait_ready(const struct run *run, struct epoll_event *ready, int64_t until_ns) {
  if (run->spinning) return epoll_wait(run->epoll, ready, READY_AT_ONCE, 0);
  int64_t wait_ns = until_ns - now_ns();
  if (wait_ns < 0) wait_ns = 0;
  struct timespec timeout = {
      .tv_sec = wait_ns / NS_PER_SECOND,
      .tv_nsec = wait_ns % NS_PER_SECOND,
  };
  return epoll_pwait2(run->epoll, ready, READY_AT_ONCE, &timeout, NULL);
}

static void read_ready(struct run *run, const struct epoll_event *ready, int count) {
  for (int i = 0; i < count; i++) {
    struct client *client = ready[i].data.ptr;
    if (client == NULL) run->stdin_ready = true;
    else receive(run, client);
    if (run->open_loop != NULL) publish_due(run, run->open_loop);
  }
}

void pump(struct run *run, int64_t until_ns) {
  struct epoll_event ready[READY_AT_ONCE];
  do {
    int64_t before = now_ns();
    int count = wait_ready(run, ready, until_ns);
    if (count < 0 && errno != EINTR) fail("cannot wait: %s", strerror(errno));
    if (count > 0) {
      read_ready(run, ready, count);
      run->busy_ns += now_ns() - before;
      return;
    }
  } while (now_ns() < until_ns);
}

void watch_stdin(struct run *run) {
  struct epoll_event readable = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &readable) != 0)
    fail("stdin cannot be waited for: %s", strerror(errno));
}
