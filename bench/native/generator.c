/*
 * Many subscribed clients in one process and one thread, and the measures that need them.
 * bench/README.md has the method, options.h the flags.
 *
 * Every mode connects and subscribes all clients first and prints what that cost. Then `connect`
 * ends, `hold` obeys lines on stdin (hold.c), and the others do one measure.
 */
#include <signal.h>

#include "connections.h"
#include "control.h"
#include "establish.h"
#include "fan-out.h"
#include "hold.h"
#include "open-files.h"
#include "open-loop.h"

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  raise_open_files();
  static struct run run;
  run.options = parse_options(count, words);
  const struct options *options = &run.options;
  create_clients(&run);
  connect_control(&run);
  establish(&run);
  switch (options->mode) {
    case MODE_CONNECT: return 0;
    case MODE_HOLD: hold(&run); return 0;
    case MODE_LATENCY:
      measure_latency(&run, options->rate, options->seconds, options->text_bytes);
      return 0;
    case MODE_FAN_OUT:
      measure_fan_out(&run, (struct fan_out){
                                .window = options->window,
                                .text_bytes = options->text_bytes,
                                .warm_up_seconds = options->warm_up_seconds,
                                .seconds = options->seconds,
                            });
      return 0;
  }
}
