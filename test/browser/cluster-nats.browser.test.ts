import { clusterContract } from '../support/cluster-contract.ts';

clusterContract('nats', 'NATS');
