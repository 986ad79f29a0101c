/*
 * The limit: what the kernel alone costs. It serves graphql-transport-ws to clients that behave and
 * executes nothing. An event is one frame; its id is patched for each client, and it leaves by one
 * `send` for each message, with --coalesce by one `send` for each client and `publish` command.
 * A client that does not read holds up everybody: this is a limit, not a server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "handshake.h"
#include "open-files.h"

#define BACKLOG 4096
#define READY_AT_ONCE 512
#define READ_BYTES 4096
#define ID_LENGTH 36
#define FIRST_SEQ 1000000

enum kind { KIND_LISTENER, KIND_CONTROL_LISTENER, KIND_CONTROL, KIND_UPGRADING, KIND_CLIENT };

struct peer {
  enum kind kind;
  int fd;
  char id[ID_LENGTH];
  char held[READ_BYTES];
  size_t held_length;
};

struct room {
  struct peer **subscribers;
  uint32_t count;
  uint32_t capacity;
};

static int waiting;
static bool coalescing;
static uint32_t connections;
static int64_t last_seq = FIRST_SEQ - 1;
static struct room *rooms;
static uint32_t room_count;

static void send_all(const struct peer *peer, const char *bytes, size_t length) {
  // the sockets are blocking, so that a send is whole
  if (send(peer->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) fail("a client has gone");
}

/* Publishing */

/** Frames that lie one behind the other, and where the client's id goes in each. */
struct frames {
  char *bytes;
  size_t capacity;
  size_t length;
  size_t *id_at;
  size_t count;
  size_t count_capacity;
};

static size_t write_frame_head(char *bytes, size_t length) {
  unsigned char *head = (unsigned char *)bytes;
  head[0] = 0x81;
  if (length < 126) {
    head[1] = (unsigned char)length;
    return 2;
  }
  int size = length < 65536 ? 2 : 8;
  head[1] = size == 2 ? 126 : 127;
  for (int i = 0; i < size; i++) head[1 + size - i] = (unsigned char)(length >> (8 * i));
  return 2 + (size_t)size;
}

static void reserve(struct frames *frames, size_t more) {
  if (frames->count == frames->count_capacity) {
    frames->count_capacity = frames->count_capacity * 2 + 16;
    frames->id_at = realloc(frames->id_at, frames->count_capacity * sizeof *frames->id_at);
  }
  if (frames->length + more > frames->capacity) {
    frames->capacity = (frames->length + more) * 2;
    frames->bytes = realloc(frames->bytes, frames->capacity);
  }
  if (frames->id_at == NULL || frames->bytes == NULL) fail("no memory");
}

static void append_event(struct frames *frames, uint32_t room, size_t text_bytes) {
  char payload[512];
  last_seq++;
  const char *before_id = "{\"id\":\"";
  int head_length = snprintf(
      payload, sizeof payload,
      "%s%036d\",\"type\":\"next\",\"payload\":{\"data\":{\"messageAdded\":{"
      "\"id\":\"00000000-0000-4000-8000-00000%07lld\",\"room\":\"r%u\",\"author\":\"Ada Lovelace\","
      "\"seq\":%lld,\"text\":\"",
      before_id, 0, (long long)last_seq, room, (long long)last_seq);
  const char tail[] = "\"}}}}";
  size_t payload_length = (size_t)head_length + text_bytes + sizeof tail - 1;
  reserve(frames, payload_length + 10);
  frames->length += write_frame_head(frames->bytes + frames->length, payload_length);
  frames->id_at[frames->count++] = frames->length + strlen(before_id);
  char *at = frames->bytes + frames->length;
  memcpy(at, payload, (size_t)head_length);
  memset(at + head_length, 'x', text_bytes);
  memcpy(at + head_length + text_bytes, tail, sizeof tail - 1);
  frames->length += payload_length;
}

static void send_frames(const struct frames *frames, uint32_t room_index) {
  if (room_index >= room_count) return;
  const struct room *room = &rooms[room_index];
  for (uint32_t i = 0; i < room->count; i++) {
    const struct peer *client = room->subscribers[i];
    for (size_t k = 0; k < frames->count; k++)
      memcpy(frames->bytes + frames->id_at[k], client->id, ID_LENGTH);
    send_all(client, frames->bytes, frames->length);
  }
}

static void publish(uint32_t room, uint32_t count, uint32_t text_bytes) {
  static struct frames frames;
  uint32_t at_once = coalescing ? count : 1;
  for (uint32_t sent = 0; sent < count; sent += at_once) {
    frames.length = 0;
    frames.count = 0;
    for (uint32_t i = 0; i < at_once; i++) append_event(&frames, room, text_bytes);
    send_frames(&frames, room);
  }
}

/* Control */

static long long resident_bytes(void) {
  long long pages = 0;
  FILE *statm = fopen("/proc/self/statm", "r");
  if (statm == NULL || fscanf(statm, "%*d %lld", &pages) != 1) fail("no /proc/self/statm");
  fclose(statm);
  return pages * sysconf(_SC_PAGESIZE);
}

static void answer_stats(const struct peer *peer) {
  struct rusage usage;
  char answer[512];
  getrusage(RUSAGE_SELF, &usage);
  int64_t user_us = timeval_us(usage.ru_utime);
  int64_t system_us = timeval_us(usage.ru_stime);
  int length = snprintf(answer, sizeof answer,
                        "{\"cpuUs\":%lld,\"userUs\":%lld,\"systemUs\":%lld,\"rssBytes\":%lld,"
                        "\"heapUsedBytes\":null,\"connections\":%u,\"seq\":%lld,\"maxDelayMs\":null,"
                        "\"executions\":null}\n",
                        (long long)(user_us + system_us), (long long)user_us, (long long)system_us,
                        resident_bytes(), connections, (long long)last_seq);
  send_all(peer, answer, (size_t)length);
}

static void obey(const struct peer *peer, const char *line) {
  uint32_t room;
  uint32_t count;
  uint32_t text_bytes;
  if (sscanf(line, "publish r%u %u %u", &room, &count, &text_bytes) == 3)
    publish(room, count, text_bytes);
  else if (sscanf(line, "publish-each %u %u", &count, &text_bytes) == 2)
    for (room = 0; room < count; room++) publish(room, 1, text_bytes);
  else if (strcmp(line, "stats") == 0 || strcmp(line, "gc") == 0)
    answer_stats(peer);
  else if (strcmp(line, "exit") == 0)
    exit(0);
  else
    fail("unknown command: %s", line);
}

static size_t obey_lines(struct peer *peer) {
  size_t at = 0;
  char *end;
  while ((end = memchr(peer->held + at, '\n', peer->held_length - at)) != NULL) {
    *end = '\0';
    obey(peer, peer->held + at);
    at = (size_t)(end - peer->held) + 1;
  }
  return at;
}

/* Clients */

static size_t upgrade(struct peer *peer) {
  const char *end = memmem(peer->held, peer->held_length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  if (memmem(peer->held, peer->held_length, SAMPLE_KEY, strlen(SAMPLE_KEY)) == NULL)
    fail("the limit serves only clients that send the sample key of RFC 6455");
  const char response[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: " SAMPLE_ACCEPT "\r\n"
                          "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
  send_all(peer, response, sizeof response - 1);
  peer->kind = KIND_CLIENT;
  return (size_t)(end - peer->held) + 4;
}

static void join(struct peer *peer, uint32_t index) {
  if (index >= room_count) {
    rooms = realloc(rooms, (index + 1) * sizeof *rooms);
    if (rooms == NULL) fail("no memory");
    memset(rooms + room_count, 0, (index + 1 - room_count) * sizeof *rooms);
    room_count = index + 1;
  }
  struct room *room = &rooms[index];
  if (room->count == room->capacity) {
    room->capacity = room->capacity * 2 + 16;
    room->subscribers = realloc(room->subscribers, room->capacity * sizeof *room->subscribers);
    if (room->subscribers == NULL) fail("no memory");
  }
  room->subscribers[room->count++] = peer;
}

static void leave(const struct peer *peer) {
  for (uint32_t i = 0; i < room_count; i++) {
    struct room *room = &rooms[i];
    for (uint32_t k = 0; k < room->count; k++)
      if (room->subscribers[k] == peer) room->subscribers[k--] = room->subscribers[--room->count];
  }
}

static void receive_message(struct peer *peer, const char *text, size_t length) {
  if (memmem(text, length, "connection_init", 15) != NULL) {
    const char ack[] = "\x81\x19{\"type\":\"connection_ack\"}";
    send_all(peer, ack, sizeof ack - 1);
    return;
  }
  const char *id = memmem(text, length, "\"id\":\"", 6);
  const char *room = memmem(text, length, "\"room\":\"r", 9);
  if (id == NULL || room == NULL || text + length - id < 6 + ID_LENGTH)
    fail("the limit does not know %.*s", (int)length, text);
  memcpy(peer->id, id + 6, ID_LENGTH);
  join(peer, (uint32_t)strtoul(room + 9, NULL, 10));
}

/** Reads one masked frame; returns its length, or 0 if it has not come whole. */
static size_t receive_frame(struct peer *peer, size_t at) {
  unsigned char *frame = (unsigned char *)peer->held + at;
  size_t come = peer->held_length - at;
  if (come < 4) return 0;
  size_t length = frame[1] & 0x7f;
  size_t head = 2;
  if (length == 126) {
    length = (size_t)frame[2] << 8 | frame[3];
    head = 4;
  }
  if (come < head + 4 + length) return 0;
  unsigned char *key = frame + head;
  unsigned char *payload = key + 4;
  for (size_t i = 0; i < length; i++) payload[i] ^= key[i % 4];
  if ((frame[0] & 0x0f) == 1) receive_message(peer, (char *)payload, length);
  return head + 4 + length;
}

static size_t receive_frames(struct peer *peer) {
  size_t at = 0;
  size_t done;
  while ((done = receive_frame(peer, at)) > 0) at += done;
  return at;
}

/* Sockets */

static void watch(struct peer *peer) {
  struct epoll_event readable = {.events = EPOLLIN, .data.ptr = peer};
  if (epoll_ctl(waiting, EPOLL_CTL_ADD, peer->fd, &readable) != 0) fail("cannot wait");
}

static struct peer *create_peer(enum kind kind, int fd) {
  struct peer *peer = calloc(1, sizeof *peer);
  if (peer == NULL) fail("no memory");
  peer->kind = kind;
  peer->fd = fd;
  watch(peer);
  return peer;
}

static uint16_t listen_on_loopback(enum kind kind) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, BACKLOG) != 0)
    fail("cannot listen: %s", strerror(errno));
  getsockname(fd, (struct sockaddr *)&address, &length);
  create_peer(kind, fd);
  return ntohs(address.sin_port);
}

static void accept_peer(const struct peer *listener) {
  int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) return;
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  bool control = listener->kind == KIND_CONTROL_LISTENER;
  if (!control) connections++;
  create_peer(control ? KIND_CONTROL : KIND_UPGRADING, fd);
}

static void drop(struct peer *peer) {
  if (peer->kind != KIND_CONTROL) connections--;
  leave(peer);
  close(peer->fd);
  free(peer);
}

static void read_peer(struct peer *peer) {
  ssize_t come = recv(peer->fd, peer->held + peer->held_length,
                      sizeof peer->held - peer->held_length, MSG_DONTWAIT);
  if (come <= 0) {
    drop(peer);
    return;
  }
  peer->held_length += (size_t)come;
  size_t done = 0;
  if (peer->kind == KIND_CONTROL) done = obey_lines(peer);
  else if (peer->kind == KIND_UPGRADING) done = upgrade(peer);
  else done = receive_frames(peer);
  peer->held_length -= done;
  memmove(peer->held, peer->held + done, peer->held_length);
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  raise_open_files();
  for (int i = 1; i < count; i++) {
    if (strcmp(words[i], "--coalesce") != 0) fail("unknown word: %s", words[i]);
    coalescing = true;
  }
  waiting = epoll_create1(EPOLL_CLOEXEC);
  uint16_t port = listen_on_loopback(KIND_LISTENER);
  uint16_t control = listen_on_loopback(KIND_CONTROL_LISTENER);
  printf("{\"port\":%u,\"control\":%u,\"pid\":%d,\"transport\":\"graphql-transport-ws\"}\n", port,
         control, getpid());
  fflush(stdout);
  for (;;) {
    struct epoll_event ready[READY_AT_ONCE];
    int ready_count = epoll_wait(waiting, ready, READY_AT_ONCE, -1);
    for (int i = 0; i < ready_count; i++) {
      struct peer *peer = ready[i].data.ptr;
      if (peer->kind <= KIND_CONTROL_LISTENER) accept_peer(peer);
      else read_peer(peer);
    }
  }
}
