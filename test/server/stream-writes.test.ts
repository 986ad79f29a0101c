import type { ByteStream, ResponseStreamEvents } from 'millrace/server';
import { describe, expect, it } from 'vitest';

import { converse } from '../support/conversation.ts';
import type { Conversation } from '../support/conversation.ts';

/** A response in memory that takes bytes. */
class RecordedStream implements ByteStream {
  readonly writes: Buffer[] = [];
  ending: 'open' | 'ended' | 'destroyed' = 'open';
  bufferedBytes = 0;
  isAskedToNotify = false;
  events: ResponseStreamEvents | undefined;

  get text(): string {
    return Buffer.concat(this.writes).toString('utf8');
  }

  writeBytes(bytes: string): void {
    this.writes.push(Buffer.from(bytes, 'latin1'));
  }

  writeShared(head: string, shared: Uint8Array): void {
    this.writes.push(Buffer.concat([Buffer.from(head, 'latin1'), shared]));
  }

  notifyDrained(): void {
    this.isAskedToNotify = true;
  }

  end(): void {
    this.ending = 'ended';
  }

  destroy(): void {
    this.ending = 'destroyed';
  }
}

async function ask(
  { server, clock }: Conversation,
  accept: string,
  query = 'subscription { message(room: "r") { text } }',
): Promise<RecordedStream> {
  const response = await server.handleRequest({
    method: 'POST',
    url: '/graphql',
    headers: { accept, 'content-type': 'application/json' },
    body: () => Promise.resolve({ text: JSON.stringify({ query }) }),
  });
  if (response.kind !== 'stream') throw new Error('the answer is no stream');
  const stream = new RecordedStream();
  stream.events = response.open(stream);
  await clock.settle();
  return stream;
}

describe.each(['text/event-stream', 'multipart/mixed;subscriptionSpec=1.0'])(
  'a stream of %s',
  (accept) => {
    it('gets all events of a turn in one write', async () => {
      const conversation = converse();
      const streams = [await ask(conversation, accept), await ask(conversation, accept)];

      for (const text of ['a', 'é', 'b']) void conversation.app.publish('r', text);
      await conversation.clock.settle();

      for (const stream of streams) {
        expect(stream.writes).toHaveLength(2); // the opening was the first
        expect(stream.text.match(/"text":"."/g)).toEqual([
          '"text":"a"',
          '"text":"é"',
          '"text":"b"',
        ]);
      }
    });

    it('gets what is large by reference, in order', async () => {
      const conversation = converse();
      const stream = await ask(conversation, accept);
      const large = 'é'.repeat(20_000);

      for (const text of ['a', large, 'b']) void conversation.app.publish('r', text);
      await conversation.clock.settle();

      expect(stream.text.match(/"text":"[^"]+"/g)).toEqual(
        ['a', large, 'b'].map((text) => `"text":"${text}"`),
      );
    });

    it('gets its last results before its end', async () => {
      const conversation = converse();
      const stream = await ask(conversation, accept, 'subscription { countdown(from: 3) }');

      expect(stream.text.match(/"countdown":\d/g)).toHaveLength(3);
      expect(stream.ending).toBe('ended');
    });

    it('has a source of its own wait until the system took everything', async () => {
      const conversation = converse();
      const stream = await ask(conversation, accept, 'subscription { flood(bytes: 10) }');
      stream.bufferedBytes = 200_000;
      await conversation.clock.settle();
      const { length } = stream.writes;
      expect(stream.isAskedToNotify).toBe(true);

      await conversation.clock.advance(5_000);
      expect(stream.writes).toHaveLength(length);
      stream.bufferedBytes = 0;
      stream.events?.drained();
      await conversation.clock.settle();

      expect(stream.writes.length).toBeGreaterThan(length);
      stream.events?.closed();
    });
  },
);
