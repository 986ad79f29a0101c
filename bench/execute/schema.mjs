import { resolvers, typeDefs } from './questions.mjs';

/**
 * With the functions of the questions, made with the graphql of an engine.
 *
 * @param {(typeDefs: string) => any} buildSchema
 * @returns {any}
 */
export function createSchema(buildSchema) {
  const schema = buildSchema(typeDefs);
  for (const [type, fields] of Object.entries(resolvers)) {
    for (const [field, resolve] of Object.entries(fields)) {
      schema.getType(type).getFields()[field].resolve = resolve;
    }
  }
  return schema;
}
