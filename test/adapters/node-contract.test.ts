import { listen } from 'millrace/adapters/node';

import { adapterContract } from '../contract/adapter-contract.ts';

adapterContract('the Node adapter', (server) => listen(server, { port: 0, host: '127.0.0.1' }));
