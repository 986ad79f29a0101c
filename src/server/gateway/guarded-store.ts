import { SourceError } from '../../errors.ts';
import type { GatewayStore } from './gateway-store.ts';

/** `store`, whose failures are all of one kind. */
export function guardStore(store: GatewayStore): GatewayStore {
  return {
    readConnection: (...args) => guard(() => store.readConnection(...args)),
    writeConnection: (...args) => guard(() => store.writeConnection(...args)),
    removeConnection: (...args) => guard(() => store.removeConnection(...args)),
    addSubscription: (...args) => guard(() => store.addSubscription(...args)),
    removeSubscription: (...args) => guard(() => store.removeSubscription(...args)),
    listSubscriptions: (...args) => guard(() => store.listSubscriptions(...args)),
  };
}

async function guard<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (cause) {
    throw new SourceError('STORE_UNAVAILABLE', 'the store of the gateway failed', { cause });
  }
}
