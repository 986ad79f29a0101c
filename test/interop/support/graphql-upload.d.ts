/** The package says its types in comments, which the compiler does not read there. */
declare module 'graphql-upload/GraphQLUpload.mjs' {
  import type { GraphQLScalarType } from 'graphql';

  const GraphQLUpload: GraphQLScalarType;
  export default GraphQLUpload;
}

declare module 'graphql-upload/graphqlUploadExpress.mjs' {
  import type { RequestHandler } from 'express';

  export default function graphqlUploadExpress(options?: {
    readonly maxFileSize?: number;
    readonly maxFiles?: number;
  }): RequestHandler;
}

declare module 'graphql-upload/processRequest.mjs' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export default function processRequest(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<unknown>;
}
