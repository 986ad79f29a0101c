import type { OperationId } from './connection.ts';

/** The id that stands on the wire as `value`, which the protocol at hand has found usable. */
export function toOperationId(value: string | number): OperationId {
  return value as OperationId; // the only cast to OperationId: the brand says that a codec has looked at it
}
