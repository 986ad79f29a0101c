import { runClientSuite } from './client-suite.ts';

void runClientSuite({ origin: location.origin, sockets: {} });
