#include "control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "fail.h"

#define ANSWER_CAPACITY 4096
#define ANSWER_SECONDS 60

void connect_control(struct run *run) {
  run->control = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in server = {
      .sin_family = AF_INET,
      .sin_port = htons(run->options.control),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  if (connect(run->control, (struct sockaddr *)&server, sizeof server) != 0)
    fail("cannot reach the control port: %s", strerror(errno));
  int on = 1;
  setsockopt(run->control, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct timeval timeout = {.tv_sec = ANSWER_SECONDS};
  setsockopt(run->control, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
}

static void command(const struct run *run, const char *text, size_t length) {
  if (send(run->control, text, length, MSG_NOSIGNAL) != (ssize_t)length)
    fail("the control connection has ended");
}

static int64_t member(const char *answer, const char *name) {
  const char *found = strstr(answer, name);
  if (found == NULL) fail("the server's stats have no %s: %s", name, answer);
  return strtoll(found + strlen(name), NULL, 10);
}

struct server_stats ask_stats(const struct run *run) {
  char answer[ANSWER_CAPACITY];
  size_t length = 0;
  command(run, "stats\n", 6);
  do {
    ssize_t come = recv(run->control, answer + length, sizeof answer - 1 - length, 0);
    if (come <= 0) fail("the server does not answer on its control connection");
    length += (size_t)come;
  } while (answer[length - 1] != '\n');
  answer[length] = '\0';
  return (struct server_stats){
      .cpu_us = member(answer, "\"cpuUs\":"),
      .rss_bytes = member(answer, "\"rssBytes\":"),
      .seq = member(answer, "\"seq\":"),
  };
}

void publish(const struct run *run, uint32_t count, uint32_t text_bytes) {
  char text[64];
  if (run->options.rooms == 1) {
    int length = snprintf(text, sizeof text, "publish r0 %u %u\n", count, text_bytes);
    command(run, text, (size_t)length);
    return;
  }
  // in one piece, so that the server has all of them in one turn
  char *all = malloc(sizeof text * count);
  if (all == NULL) fail("no memory");
  size_t length = 0;
  for (uint32_t i = 0; i < count; i++)
    length += (size_t)sprintf(all + length, "publish-each %u %u\n", run->options.rooms, text_bytes);
  command(run, all, length);
  free(all);
}
