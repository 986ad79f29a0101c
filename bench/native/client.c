#include "client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "fail.h"

void client_send(const struct client *client, const char *bytes, size_t length) {
  if (send(client->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
    fail("client %u cannot send", client->index);
  int on = 1;
  setsockopt(client->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}
