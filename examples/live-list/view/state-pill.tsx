import type { OperationState } from 'millrace/client';
import type { ReactElement } from 'react';

import { useConnectionState } from './connection-state.ts';

const words: Readonly<Record<OperationState, string>> = {
  idle: 'Connecting',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  recovered: 'Recovered',
  gap: 'Gap, list reloaded',
  ended: 'Ended',
};

/** Says whether what is shown is current. */
export function StatePill(): ReactElement {
  const state = useConnectionState();
  return (
    <p className="state" role="status" data-state={state}>
      {words[state]}
    </p>
  );
}
