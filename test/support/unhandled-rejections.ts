import { afterAll, beforeAll } from 'vitest';

/** Counts the rejections that nobody handles, which otherwise fail the tests of a file: graphql-js leaves some, too. */
export function countUnhandledRejections(): { count: number } {
  const seen = { count: 0 };
  const others = process.listeners('unhandledRejection');
  const onRejection = (): void => {
    seen.count += 1;
  };
  beforeAll(() => {
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', onRejection);
  });
  afterAll(() => {
    process.off('unhandledRejection', onRejection);
    for (const listener of others) process.on('unhandledRejection', listener);
  });
  return seen;
}
