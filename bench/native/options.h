#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum transport { TRANSPORT_WS, TRANSPORT_WS_LEGACY, TRANSPORT_SSE };

enum mode { MODE_FAN_OUT, MODE_LATENCY, MODE_HOLD, MODE_CONNECT };

struct options {
  uint16_t port;
  uint16_t control;
  enum transport transport;
  enum mode mode;
  uint32_t clients;
  /** Client i subscribes to room r(i % rooms); as many rooms as clients is unicast. */
  uint32_t rooms;
  /** Events that are published at once. */
  uint32_t window;
  uint32_t text_bytes;
  double warm_up_seconds;
  double seconds;
  /** Events per second of the open loop. */
  double rate;
  /** The first clients that never read again once they are subscribed. */
  uint32_t stalled;
  /** Clients are bound to 127.0.0.2 and following; one address has only about 28,000 ports. */
  uint32_t source_addresses;
  /** Handshakes that are under way at the same time. */
  uint32_t in_flight;
  /** Every operation has the id "1" instead of a distinct one of 36 characters. */
  bool short_ids;
  /** Clients offer `permessage-deflate`, as browsers do, and inflate what they get. */
  bool compressed;
  /** A connection that the server closes is counted instead of being a failure. */
  bool allow_close;
};

struct options parse_options(int count, char **words);

#endif
