import { jetstreamManager } from '@nats-io/jetstream';
import type { StreamAPI } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

import { natsStream } from '../backplanes/nats.ts';
import type { Stage } from '../stage.ts';
import { whileClientsAreAway } from './backplane.ts';

/** Removes all events of all logs; the stream goes on counting. */
export async function purgeStream(stage: Stage): Promise<void> {
  await whileClientsAreAway(stage, () =>
    manage(stage, async (streams) => {
      await streams.purge(natsStream);
    }),
  );
}

/** Deletes the stream, which is made anew when somebody needs it. */
export async function deleteStream(stage: Stage): Promise<void> {
  await whileClientsAreAway(stage, () =>
    manage(stage, async (streams) => {
      await streams.delete(natsStream);
    }),
  );
}

async function manage(
  { fleet }: Stage,
  work: (streams: StreamAPI) => Promise<void>,
): Promise<void> {
  if (fleet.brokerSettings?.kind !== 'nats') throw new Error('the events are not in NATS');
  const connection = await connect({ servers: fleet.brokerSettings.url });
  const { streams } = await jetstreamManager(connection);
  await work(streams);
  await connection.close();
}
