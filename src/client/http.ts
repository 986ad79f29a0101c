export type { Transport } from './transport.ts';
