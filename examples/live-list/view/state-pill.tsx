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

/** What {@link StatePill} shows. */
export interface StatePillProps {
  /** `undefined`: what was told to `setConnectionState`. */
  readonly state?: OperationState | undefined;
}

/** Says whether what is shown is current. */
export function StatePill({ state }: StatePillProps): ReactElement {
  const told = useConnectionState();
  return (
    <p className="state" role="status" data-state={state ?? told}>
      {words[state ?? told]}
    </p>
  );
}
