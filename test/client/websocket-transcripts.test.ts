import { graphqlTransportWs, subscriptionsTransportWs } from 'millrace/client/websocket';
import type { ClientProtocol } from 'millrace/client/websocket';
import { describe, expect, it } from 'vitest';

import { listTranscripts } from '../transcripts/client-transcript.ts';
import type { Transcripts } from '../transcripts/client-transcript.ts';
import { graphqlTransportWsClient } from '../transcripts/graphql-transport-ws-client.ts';
import { subscriptionsTransportWsClient } from '../transcripts/subscriptions-transport-ws-client.ts';
import { isPossible, onlyItsConnection, replayOverSocket } from './transcripts/replay-transport.ts';

function possible(transcripts: Transcripts, protocol: ClientProtocol) {
  return listTranscripts(transcripts).filter(([, transcript]) => isPossible(transcript, protocol));
}

describe('a client of graphql-transport-ws, over a socket', () => {
  it.each(possible(graphqlTransportWsClient, graphqlTransportWs))(
    '%s',
    async (_title, transcript) => {
      expect(await replayOverSocket(transcript, graphqlTransportWs)).toEqual(onlyItsConnection);
    },
  );
});

describe('a client of subscriptions-transport-ws, over a socket', () => {
  it.each(possible(subscriptionsTransportWsClient, subscriptionsTransportWs))(
    '%s',
    async (_title, transcript) => {
      expect(await replayOverSocket(transcript, subscriptionsTransportWs)).toEqual(
        onlyItsConnection,
      );
    },
  );
});
