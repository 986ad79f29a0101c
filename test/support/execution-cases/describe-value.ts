import { GraphQLError, GraphQLSchema } from 'graphql';

/** As deep as answers are; what functions are told goes round in circles. */
const deepest = 20;

/** A text that is the same for values between which an answer must not differ; the prototypes of its objects are not part of it. */
export function describeValue(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null) return describePrimitive(value);
  if (depth > deepest || value instanceof GraphQLSchema) return '…';
  if (Array.isArray(value)) {
    return `[${value.map((item) => describeValue(item, depth + 1)).join(', ')}]`;
  }
  if (value instanceof GraphQLError) return describeError(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const members = Object.entries(value).map(
    ([name, member]) => `${name}: ${describeValue(member, depth + 1)}`,
  );
  return `{${members.join(', ')}}`;
}

function describePrimitive(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  return Object.is(value, -0) ? '-0' : String(value);
}

function describeError(error: GraphQLError): string {
  const { message, path, locations, extensions, originalError, nodes } = error;
  const members = { message, path, locations, extensions, originalError, nodes: nodes?.length };
  return `GraphQLError ${describeValue(members)}`;
}
