#ifndef BENCH_HANDSHAKE_H
#define BENCH_HANDSHAKE_H

/*
 * The sample pair of RFC 6455, section 1.3. Every client sends the same key, so that the generator
 * and the limit need no SHA-1; real servers compute the answer and the generator compares it.
 */
#define SAMPLE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define SAMPLE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#endif
