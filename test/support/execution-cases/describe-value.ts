import { GraphQLError } from 'graphql';

/** A text that is the same for values between which an answer must not differ; the prototypes of its objects are not part of it. */
export function describeValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return describePrimitive(value);
  if (Array.isArray(value)) return `[${value.map(describeValue).join(', ')}]`;
  if (value instanceof GraphQLError) return describeError(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const members = Object.keys(value).map(
    (name) => `${name}: ${describeValue((value as Record<string, unknown>)[name])}`, // its own
  );
  return `{${members.join(', ')}}`;
}

function describePrimitive(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return Object.is(value, -0) ? '-0' : String(value);
}

function describeError(error: GraphQLError): string {
  const { message, path, locations, extensions, originalError, nodes } = error;
  const members = { message, path, locations, extensions, originalError, nodes: nodes?.length };
  return `GraphQLError ${describeValue(members)}`;
}
