import { answerMeasures } from './answer-measures.mjs';

await answerMeasures(() => (rootValue) => JSON.stringify(rootValue));
