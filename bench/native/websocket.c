#include "websocket.h"

#include <string.h>
#include <sys/socket.h>

#include "events.h"
#include "fail.h"
#include "inflate.h"
#include "operation.h"

#define FINAL 0x80
#define COMPRESSED 0x40
#define MASKED 0x80
#define LENGTH_16 126
#define LENGTH_64 127
#define LONGEST_SENT 2048

void websocket_send(struct client *client, enum opcode opcode, const char *payload, size_t length) {
  if (length > LONGEST_SENT) fail("a frame of %zu bytes is not for sending", length);
  unsigned char frame[8 + LONGEST_SENT];
  size_t at = 0;
  frame[at++] = (unsigned char)(FINAL | opcode);
  if (length < LENGTH_16) {
    frame[at++] = (unsigned char)(MASKED | length);
  } else {
    frame[at++] = MASKED | LENGTH_16;
    frame[at++] = (unsigned char)(length >> 8);
    frame[at++] = (unsigned char)length;
  }
  static uint32_t mask = 0x9e3779b9;
  mask = mask * 1664525 + 1013904223;
  unsigned char key[4];
  memcpy(key, &mask, sizeof key);
  memcpy(frame + at, key, sizeof key);
  at += sizeof key;
  for (size_t i = 0; i < length; i++) frame[at++] = (unsigned char)payload[i] ^ key[i % sizeof key];
  client_send(client, (const char *)frame, at);
}

static uint64_t big_endian(const unsigned char *bytes, int count) {
  uint64_t number = 0;
  for (int i = 0; i < count; i++) number = number << 8 | bytes[i];
  return number;
}

/** Length of the head of the frame, or 0 if it has not come whole. */
static size_t read_head(const unsigned char *bytes, size_t length, uint64_t *payload_length) {
  if (length < 2) return 0;
  *payload_length = bytes[1];
  if (bytes[1] < LENGTH_16) return 2;
  if (bytes[1] == LENGTH_16) {
    if (length < 4) return 0;
    *payload_length = big_endian(bytes + 2, 2);
    return 4;
  }
  if (bytes[1] != LENGTH_64) fail("a server's frame is masked");
  if (length < 10) return 0;
  *payload_length = big_endian(bytes + 2, 8);
  return 10;
}

static void receive_close(const struct run *run, const struct client *client, const char *payload,
                          size_t length) {
  if (!run->options.allow_close)
    fail("client %u is closed with %u %.*s", client->index,
         length < 2 ? 1005 : (unsigned)big_endian((const unsigned char *)payload, 2),
         length < 2 ? 0 : (int)(length - 2), payload + 2);
  shutdown(client->fd, SHUT_RDWR); // reading finds the end of the stream and counts it
}

static void receive_text(struct run *run, struct client *client, const char *text, size_t length) {
  int64_t seq = find_seq(text, length);
  if (seq < 0) {
    receive_message(run, client, text, length);
    return;
  }
  deliver(run, client, seq);
}

static void receive_compressed(struct run *run, struct client *client, const char *payload,
                               size_t length) {
  size_t text_length;
  const char *text = inflate_message(client, payload, length, &text_length);
  receive_text(run, client, text, text_length);
}

static void receive_frame(struct run *run, struct client *client, enum opcode opcode,
                          const char *payload, size_t length) {
  switch (opcode) {
    case OPCODE_TEXT:
      run->frame_bytes = (uint32_t)length;
      receive_text(run, client, payload, length);
      return;
    case OPCODE_PING: websocket_send(client, OPCODE_PONG, payload, length); return;
    case OPCODE_CLOSE: receive_close(run, client, payload, length); return;
    case OPCODE_PONG: return;
  }
  fail("client %u got a frame of type %d", client->index, opcode);
}

/** Takes what has come of the rest of a frame whose number is known already. */
static size_t skip_rest(struct run *run, struct client *client, size_t length) {
  size_t taken = client->remaining_bytes < length ? client->remaining_bytes : length;
  client->remaining_bytes -= taken;
  if (client->remaining_bytes == 0) deliver(run, client, client->coming_seq);
  return taken;
}

size_t websocket_consume(struct run *run, struct client *client, const char *bytes, size_t length) {
  size_t at = client->remaining_bytes > 0 ? skip_rest(run, client, length) : 0;
  while (at < length) {
    const unsigned char *frame = (const unsigned char *)bytes + at;
    uint64_t payload_length;
    size_t head = read_head(frame, length - at, &payload_length);
    if (head == 0) return at;
    bool compressed = run->options.compressed && frame[0] == (FINAL | COMPRESSED | OPCODE_TEXT);
    if ((frame[0] & 0xf0) != FINAL && !compressed) fail("client %u got a part of a message", client->index);
    enum opcode opcode = frame[0] & 0x0f;
    const char *payload = bytes + at + head;
    size_t come = length - at - head;
    if (come < payload_length) {
      if (compressed) return at;
      if (opcode == OPCODE_TEXT) client->coming_seq = find_seq(payload, come);
      else client->coming_seq = -1;
      if (client->coming_seq < 0) return at;
      client->remaining_bytes = payload_length - come;
      run->frame_bytes = (uint32_t)payload_length;
      return length;
    }
    if (compressed) {
      run->frame_bytes = (uint32_t)payload_length;
      receive_compressed(run, client, payload, payload_length);
    } else {
      receive_frame(run, client, opcode, payload, payload_length);
    }
    at += head + payload_length;
  }
  return at;
}
