import { clusterContract } from '../support/cluster-contract.ts';

clusterContract('redis', 'Redis');
