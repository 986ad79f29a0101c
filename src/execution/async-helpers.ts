import type { GraphQLResolveInfo } from 'graphql';

import { isPromiseLike } from './abort.ts';

/** What resolvers of graphql 17 are offered for promises that they do not wait for. No hook of ours waits for those either, so all that they need is an owner for their rejections. */
const helpers: ReturnType<GraphQLResolveInfo['getAsyncHelpers']> = {
  promiseAll: (values) => {
    const all = Promise.all(values);
    all.then(undefined, ignore);
    return all;
  },
  track: (values) => {
    for (const value of values) if (isPromiseLike(value)) value.then(undefined, ignore);
  },
};

/** `info.getAsyncHelpers` of graphql 17. */
export const getAsyncHelpers: GraphQLResolveInfo['getAsyncHelpers'] = () => helpers;

function ignore(): void {}
