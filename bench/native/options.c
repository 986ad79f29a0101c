#include "options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

static const struct option names[] = {
    {"port", required_argument, NULL, 'p'},
    {"control", required_argument, NULL, 'c'},
    {"transport", required_argument, NULL, 't'},
    {"mode", required_argument, NULL, 'm'},
    {"clients", required_argument, NULL, 'n'},
    {"rooms", required_argument, NULL, 'R'},
    {"window", required_argument, NULL, 'w'},
    {"text", required_argument, NULL, 'T'},
    {"warm-up-seconds", required_argument, NULL, 'u'},
    {"seconds", required_argument, NULL, 's'},
    {"rate", required_argument, NULL, 'r'},
    {"stalled", required_argument, NULL, 'S'},
    {"source-addresses", required_argument, NULL, 'a'},
    {"in-flight", required_argument, NULL, 'f'},
    {"short-ids", no_argument, NULL, 'i'},
    {"compressed", no_argument, NULL, 'C'},
    {"allow-close", no_argument, NULL, 'A'},
    {0},
};

static enum transport parse_transport(const char *word) {
  if (strcmp(word, "ws") == 0 || strcmp(word, "graphql-transport-ws") == 0) return TRANSPORT_WS;
  if (strcmp(word, "ws-legacy") == 0 || strcmp(word, "subscriptions-transport-ws") == 0)
    return TRANSPORT_WS_LEGACY;
  if (strcmp(word, "sse") == 0) return TRANSPORT_SSE;
  fail("unknown transport: %s", word);
}

static enum mode parse_mode(const char *word) {
  if (strcmp(word, "fan-out") == 0) return MODE_FAN_OUT;
  if (strcmp(word, "latency") == 0) return MODE_LATENCY;
  if (strcmp(word, "hold") == 0) return MODE_HOLD;
  if (strcmp(word, "connect") == 0) return MODE_CONNECT;
  fail("unknown mode: %s", word);
}

static double parse_number(const char *word) {
  char *end;
  double number = strtod(word, &end);
  if (end == word || *end != '\0' || number < 0) fail("not a number: %s", word);
  return number;
}

static uint32_t parse_count(const char *word) { return (uint32_t)parse_number(word); }

static void apply(struct options *options, int name, const char *word) {
  switch (name) {
    case 'p': options->port = (uint16_t)parse_count(word); break;
    case 'c': options->control = (uint16_t)parse_count(word); break;
    case 't': options->transport = parse_transport(word); break;
    case 'm': options->mode = parse_mode(word); break;
    case 'n': options->clients = parse_count(word); break;
    case 'R': options->rooms = parse_count(word); break;
    case 'w': options->window = parse_count(word); break;
    case 'T': options->text_bytes = parse_count(word); break;
    case 'u': options->warm_up_seconds = parse_number(word); break;
    case 's': options->seconds = parse_number(word); break;
    case 'r': options->rate = parse_number(word); break;
    case 'S': options->stalled = parse_count(word); break;
    case 'a': options->source_addresses = parse_count(word); break;
    case 'f': options->in_flight = parse_count(word); break;
    case 'i': options->short_ids = true; break;
    case 'C': options->compressed = true; break;
    case 'A': options->allow_close = true; break;
    default: exit(2); // getopt has said what is wrong
  }
}

struct options parse_options(int count, char **words) {
  struct options options = {
      .transport = TRANSPORT_WS,
      .mode = MODE_FAN_OUT,
      .clients = 1000,
      .rooms = 1,
      .window = 1,
      .text_bytes = 68, // the frame's payload has 269 bytes
      .warm_up_seconds = 1,
      .seconds = 2,
      .rate = 10,
      .in_flight = 200,
  };
  int name;
  while ((name = getopt_long(count, words, "", names, NULL)) != -1) apply(&options, name, optarg);
  if (optind < count) fail("unknown word: %s", words[optind]);
  if (options.port == 0 || options.control == 0) fail("--port and --control are required");
  if (options.clients == 0 || options.rooms == 0 || options.in_flight == 0)
    fail("--clients, --rooms and --in-flight must be positive");
  if (options.clients % options.rooms != 0) fail("--rooms must divide --clients");
  if (options.stalled >= options.clients) fail("--stalled must leave somebody who reads");
  return options;
}
