import { buildSchema, executeSubscriptionEvent, parse, validateSubscriptionArgs } from 'graphql-17';

import { answerMeasures } from './answer-measures.mjs';
import { createSchema } from './schema.mjs';

const schema = createSchema(buildSchema);

// as its own `subscribe` does: arguments are looked at once for all events
await answerMeasures((operation) => {
  const validated = validateSubscriptionArgs({ schema, document: parse(operation) });
  if (!('schema' in validated)) throw new Error('not valid');
  return (rootValue) => executeSubscriptionEvent({ ...validated, rootValue, contextValue: {} });
});
