/** Of every candidate that has a ping: what graphql-ws, graphql-yoga, graphql-sse and Millrace do unless told otherwise. */
export const keepAliveMs = 12_000;
