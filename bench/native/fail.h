#ifndef BENCH_FAIL_H
#define BENCH_FAIL_H

/** Says why on stderr and exits with 1: a measure with a lost or wrong message is none. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
