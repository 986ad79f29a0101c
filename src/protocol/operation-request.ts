import type { OperationRequest } from '../vocabulary.ts';
import { isJsonObject, malformed } from './json-frame.ts';

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/**
 * Reads the payload that starts an operation; members that are `null` count as absent, unknown ones are dropped.
 *
 * @throws ProtocolViolation with `BAD_REQUEST` and a message for people
 */
export function parseOperationRequest(payload: unknown): OperationRequest {
  if (!isJsonObject(payload)) throw malformed('payload');
  const { query, operationName, variables, extensions } = payload;
  if (typeof query !== 'string') throw malformed('payload.query');
  const request: Writable<OperationRequest> = { query };
  if (typeof operationName === 'string') request.operationName = operationName;
  else if (!isNone(operationName)) throw malformed('payload.operationName');
  if (isJsonObject(variables)) request.variables = variables;
  else if (!isNone(variables)) throw malformed('payload.variables');
  if (isJsonObject(extensions)) request.extensions = extensions;
  else if (!isNone(extensions)) throw malformed('payload.extensions');
  return request;
}

function isNone(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
