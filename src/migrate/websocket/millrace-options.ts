import type { ServerOptions } from '../../server/index.ts';

/** What a server of Millrace can be told beyond the options of the library that a facade stands in for. */
export interface MillraceOptions extends Pick<
  ServerOptions,
  | 'allowedOrigins'
  | 'audience'
  | 'audienceContext'
  | 'broker'
  | 'clock'
  | 'incrementalFormat'
  | 'limits'
  | 'onInternalError'
  | 'resume'
  | 'slowConsumer'
> {
  /** @defaultValue the protocol of the library alone */
  readonly protocols?: readonly ('graphql-transport-ws' | 'subscriptions-transport-ws')[];
  /** Whether errors of resolvers and sources that are no `GraphQLError` are hidden from clients. @defaultValue false, as in the library */
  readonly maskErrors?: boolean;
}
