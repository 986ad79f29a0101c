#include "operation.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fail.h"
#include "handshake.h"
#include "inflate.h"
#include "websocket.h"

#define QUERY "subscription($room: String!) { messageAdded(room: $room) { id room author seq text } }"
/** What Chromium offers. */
#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
#define ID_CAPACITY 40

static void write_id(const struct run *run, const struct client *client, char id[ID_CAPACITY]) {
  if (run->options.short_ids) {
    strcpy(id, "1");
    return;
  }
  uint64_t mixed = (client->index + 1) * 0x9e3779b97f4a7c15ULL;
  snprintf(id, ID_CAPACITY, "%08x-%04x-4%03x-8%03x-%012llx", client->index,
           (unsigned)(mixed & 0xffff), (unsigned)(mixed >> 16 & 0xfff),
           (unsigned)(mixed >> 28 & 0xfff), (unsigned long long)(mixed >> 16 & 0xffffffffffffULL));
}

/** The body of the operation; returns its length. */
static int write_operation(const struct run *run, const struct client *client, char *text,
                           size_t capacity) {
  return snprintf(text, capacity, "{\"query\":\"%s\",\"variables\":{\"room\":\"r%u\"}}", QUERY,
                  client->index % run->options.rooms);
}

static void request_event_stream(const struct run *run, struct client *client) {
  char body[512];
  char request[1024];
  int body_length = write_operation(run, client, body, sizeof body);
  int length = snprintf(request, sizeof request,
                        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                        "Content-Type: application/json\r\nAccept: text/event-stream\r\n"
                        "Content-Length: %d\r\n\r\n%s",
                        run->options.port, body_length, body);
  client_send(client, request, (size_t)length);
}

static void request_upgrade(const struct run *run, struct client *client) {
  char request[512];
  int length = snprintf(
      request, sizeof request,
      "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " SAMPLE_KEY "\r\n"
      "Sec-WebSocket-Protocol: %s\r\n%s\r\n",
      run->options.port,
      run->options.transport == TRANSPORT_WS ? "graphql-transport-ws" : "graphql-ws",
      run->options.compressed ? OFFER : "");
  client_send(client, request, (size_t)length);
}

void send_request(struct run *run, struct client *client) {
  client->state = CLIENT_REQUESTED;
  if (run->options.transport == TRANSPORT_SSE) request_event_stream(run, client);
  else request_upgrade(run, client);
}

static void send_text(struct client *client, const char *text) {
  websocket_send(client, OPCODE_TEXT, text, strlen(text));
}

size_t receive_head(struct run *run, struct client *client, const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (end == NULL) return 0;
  char head[2048];
  size_t head_length = (size_t)(end - bytes) + 4;
  if (head_length >= sizeof head) fail("client %u got a long head", client->index);
  memcpy(head, bytes, head_length);
  head[head_length] = '\0';
  if (run->options.transport == TRANSPORT_SSE) {
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0 || strcasestr(head, "text/event-stream") == NULL ||
        strcasestr(head, "transfer-encoding: chunked") == NULL)
      fail("client %u got no event stream: %s", client->index, head);
    client->state = CLIENT_SUBSCRIBED;
    run->subscribed++;
  } else {
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0 || strstr(head, SAMPLE_ACCEPT) == NULL)
      fail("client %u got no WebSocket: %s", client->index, head);
    if (run->options.compressed) agree_on_compression(client, head);
    client->state = CLIENT_AWAITS_ACK;
    send_text(client, "{\"type\":\"connection_init\"}");
  }
  return head_length;
}

static void subscribe(struct run *run, struct client *client) {
  char id[ID_CAPACITY];
  char operation[512];
  char message[1024];
  write_id(run, client, id);
  write_operation(run, client, operation, sizeof operation);
  const char *type = run->options.transport == TRANSPORT_WS ? "subscribe" : "start";
  snprintf(message, sizeof message, "{\"id\":\"%s\",\"type\":\"%s\",\"payload\":%s}", id, type,
           operation);
  send_text(client, message);
  client->state = CLIENT_SUBSCRIBED;
  run->subscribed++;
}

static bool has_type(const char *text, size_t length, const char *type) {
  char member[64];
  int member_length = snprintf(member, sizeof member, "\"type\":\"%s\"", type);
  return memmem(text, length, member, (size_t)member_length) != NULL;
}

void receive_message(struct run *run, struct client *client, const char *text, size_t length) {
  if (client->state == CLIENT_AWAITS_ACK && has_type(text, length, "connection_ack"))
    subscribe(run, client);
  else if (has_type(text, length, "ping"))
    send_text(client, "{\"type\":\"pong\"}");
  else if (!has_type(text, length, "ka") && !has_type(text, length, "pong"))
    fail("client %u got %.*s", client->index, length > 500 ? 500 : (int)length, text);
}
