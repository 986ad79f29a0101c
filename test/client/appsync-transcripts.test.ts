import { describe, expect, it } from 'vitest';

import { appsyncClient } from '../../src/protocol/appsync/client-protocol.ts';
import { appsyncClientTranscripts } from '../transcripts/appsync-client.ts';
import { listTranscripts } from '../transcripts/client-transcript.ts';
import { isPossible, onlyItsConnection, replayOverSocket } from './transcripts/replay-transport.ts';

const possible = listTranscripts(appsyncClientTranscripts).filter(([, transcript]) =>
  isPossible(transcript, appsyncClient),
);

describe('a client of appsync, over a socket', () => {
  it.each(possible)('%s', async (_title, transcript) => {
    expect(await replayOverSocket(transcript, appsyncClient)).toEqual(onlyItsConnection);
  });
});
