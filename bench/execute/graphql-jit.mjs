import { buildSchema, parse } from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';

import { answerMeasures } from './answer-measures.mjs';
import { createSchema } from './schema.mjs';

const schema = createSchema(buildSchema);

await answerMeasures((operation) => {
  const compiled = compileQuery(schema, parse(operation));
  if (!isCompiledQuery(compiled)) throw new Error('not compiled');
  return (rootValue) => compiled.query(rootValue, {}, {});
});
