#include "connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event-stream.h"
#include "fail.h"
#include "held-bytes.h"
#include "operation.h"
#include "websocket.h"

#define SMALL_RECEIVE_BUFFER_BYTES 4096

void create_clients(struct run *run) {
  run->clients = calloc(run->options.clients, sizeof *run->clients);
  run->buffer = malloc(RECEIVE_BUFFER_BYTES);
  run->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (run->clients == NULL || run->buffer == NULL || run->epoll < 0) fail("cannot begin");
  for (uint32_t i = 0; i < run->options.clients; i++) {
    run->clients[i].index = i;
    run->clients[i].fd = -1;
  }
}

static void bind_to_source(const struct run *run, const struct client *client) {
  uint32_t addresses = run->options.source_addresses;
  if (addresses == 0) return;
  int on = 1; // the port is chosen at connect, so that one may serve several addresses
  setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  struct sockaddr_in source = {
      .sin_family = AF_INET,
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + client->index % addresses),
  };
  if (bind(client->fd, (struct sockaddr *)&source, sizeof source) != 0)
    fail("cannot bind: %s", strerror(errno));
}

static void open_connection(struct run *run, struct client *client) {
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client->fd < 0) fail("no socket for client %u: %s", client->index, strerror(errno));
  int on = 1;
  setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (client->index < run->options.stalled) {
    int bytes = SMALL_RECEIVE_BUFFER_BYTES;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    // segments of a network, not of the loopback: of those the kernel holds megabytes before the server has to
    int segment_bytes = 1460;
    setsockopt(client->fd, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof segment_bytes);
  }
  bind_to_source(run, client);
  struct sockaddr_in server = {
      .sin_family = AF_INET,
      .sin_port = htons(run->options.port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  // the kernel of the server answers at once as long as its backlog has room
  if (connect(client->fd, (struct sockaddr *)&server, sizeof server) != 0)
    fail("client %u cannot connect: %s", client->index, strerror(errno));
  struct epoll_event readable = {.events = EPOLLIN, .data.ptr = client};
  if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, client->fd, &readable) != 0) fail("cannot wait");
  send_request(run, client);
}

void open_connections(struct run *run) {
  while (run->opened < run->options.clients &&
         run->opened - run->subscribed < run->options.in_flight)
    open_connection(run, &run->clients[run->opened++]);
}

static void close_connection(struct run *run, struct client *client) {
  if (!run->options.allow_close) fail("client %u: the connection has ended", client->index);
  close(client->fd);
  client->fd = -1;
  client->state = CLIENT_CLOSED;
  run->closed++;
  held_free(&client->held);
  held_free(&client->event);
}

/** Returns how many of the bytes are done with. */
static size_t consume(struct run *run, struct client *client, const char *bytes, size_t length) {
  size_t at = 0;
  if (client->state == CLIENT_REQUESTED) {
    at = receive_head(run, client, bytes, length);
    if (at == 0) return 0;
  }
  if (run->options.transport == TRANSPORT_SSE)
    return at + event_stream_consume(run, client, bytes + at, length - at);
  return at + websocket_consume(run, client, bytes + at, length - at);
}

void receive(struct run *run, struct client *client) {
  struct held_bytes *held = &client->held;
  size_t before = held->length;
  if (before > RECEIVE_BUFFER_BYTES / 2) fail("client %u got too long a frame", client->index);
  if (before > 0) memcpy(run->buffer, held->bytes, before);
  ssize_t come = recv(client->fd, run->buffer + before, RECEIVE_BUFFER_BYTES - before, MSG_DONTWAIT);
  if (come < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (come <= 0) {
    close_connection(run, client);
    return;
  }
  run->bytes += (uint64_t)come;
  held->length = 0;
  size_t length = before + (size_t)come;
  size_t done = consume(run, client, run->buffer, length);
  if (done < length) held_append(held, run->buffer + done, length - done);
}

void stall_clients(struct run *run) {
  for (uint32_t i = 0; i < run->options.stalled; i++) {
    run->clients[i].stalled = true;
    epoll_ctl(run->epoll, EPOLL_CTL_DEL, run->clients[i].fd, NULL);
  }
}

uint32_t count_stalled_alive(const struct run *run) {
  uint32_t alive = 0;
  for (uint32_t i = 0; i < run->options.stalled; i++) {
    struct tcp_info state;
    socklen_t length = sizeof state;
    getsockopt(run->clients[i].fd, IPPROTO_TCP, TCP_INFO, &state, &length);
    if (state.tcpi_state == TCP_ESTABLISHED) alive++;
  }
  return alive;
}
