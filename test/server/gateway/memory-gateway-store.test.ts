import { gatewayStoreContract } from '../../contract/gateway-store-contract.ts';
import { MemoryGatewayStore } from '../../support/memory-gateway-store.ts';

gatewayStoreContract('of the tests', async () => ({
  store: new MemoryGatewayStore(100),
  close: async () => {},
}));
