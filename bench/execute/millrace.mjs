import { buildSchema } from 'graphql';
import { createCompiledEngine } from 'millrace/server';

import { answerMeasures } from './answer-measures.mjs';
import { createSchema } from './schema.mjs';

const schema = createSchema(buildSchema);
const engine = createCompiledEngine();

async function* silence() {}

await answerMeasures(async (query) => {
  const preparation = engine.prepare(schema, { query });
  if (preparation.kind === 'refused') throw new Error(preparation.errors.join());
  const fields = Object.keys(schema.getSubscriptionType().getFields());
  const rootValue = Object.fromEntries(fields.map((field) => [field, silence]));
  const started = await engine.subscribe(preparation.prepared, { context: {}, rootValue });
  if (started.kind === 'refused') throw new Error(started.errors.join());
  return (event) => started.execute(event);
});
