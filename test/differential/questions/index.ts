import type { Question } from '../question.ts';
import { documentQuestions } from './documents.ts';
import { hookQuestions } from './hooks.ts';
import { incrementalQuestions } from './incremental.ts';
import { limitQuestions } from './limits.ts';
import { principalQuestions, referenceQuestions } from './references.ts';
import { shapeQuestions } from './shapes.ts';
import { subscriptionQuestions } from './subscriptions.ts';
import { variableQuestions } from './variables.ts';

export const questions: readonly Question[] = [
  ...documentQuestions,
  ...shapeQuestions,
  ...variableQuestions,
  ...limitQuestions,
  ...subscriptionQuestions,
  ...hookQuestions,
  ...incrementalQuestions,
  ...referenceQuestions,
  ...principalQuestions,
];
