import { adapterContract } from '../contract/adapter-contract.ts';
import { serveFastify } from '../support/serve-fastify.ts';

adapterContract('the adapter for Fastify', (server) => serveFastify(server));
