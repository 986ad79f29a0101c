import { clusterContract } from '../support/cluster-contract.ts';

clusterContract('postgres', 'PostgreSQL');
