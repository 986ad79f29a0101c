import type { OperationState } from 'millrace/client';
import { useSyncExternalStore } from 'react';

let state: OperationState = 'connecting';
const listeners = new Set<() => void>();

/** Takes where the subscription of this page is. */
export function setConnectionState(next: OperationState): void {
  state = next;
  for (const listener of listeners) listener();
}

/** Where the subscription of this page is, for a component that shows it. */
export function useConnectionState(): OperationState {
  return useSyncExternalStore(subscribe, () => state);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
