/** The package says its types in comments, which the compiler does not read there. */
declare module 'apollo-upload-client/UploadHttpLink.mjs' {
  import type { ApolloLink } from '@apollo/client';

  interface UploadHttpLinkOptions {
    readonly uri: string;
    readonly headers?: Readonly<Record<string, string>>;
  }

  const UploadHttpLink: new (options: UploadHttpLinkOptions) => ApolloLink;
  export default UploadHttpLink;
}
