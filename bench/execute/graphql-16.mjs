import { buildSchema, execute, parse } from 'graphql';

import { answerMeasures } from './answer-measures.mjs';
import { createSchema } from './schema.mjs';

const schema = createSchema(buildSchema);

await answerMeasures((operation) => {
  const document = parse(operation);
  return (rootValue) => execute({ schema, document, rootValue, contextValue: {} });
});
