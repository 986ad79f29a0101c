export type { Resume, Resumption } from './resumption.ts';
