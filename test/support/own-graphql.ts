/** The copy of graphql that Millrace has where tests run, also for tests in folders with a copy of their own. */
export * as ownGraphql from 'graphql';
