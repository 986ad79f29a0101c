import { GraphQLError, GraphQLScalarType } from 'graphql';

import { Upload } from './upload.ts';
import type { UploadedFile } from './uploaded-file.ts';

/**
 * The scalar `Upload`: a file that comes with the request. A resolver has a promise of an {@link UploadedFile} as its argument, which resolves when the
 * file begins to come.
 */
export const GraphQLUpload: GraphQLScalarType<
  Promise<UploadedFile>,
  never
> = /* @__PURE__ */ new GraphQLScalarType<Promise<UploadedFile>, never>({
  name: 'Upload',
  description:
    'A file. It is sent by POST as a part of a `multipart/form-data` body, and is `null` in the variables; see the GraphQL multipart request specification.',
  parseValue(value) {
    if (value instanceof Upload) return value.file;
    throw new GraphQLError(
      'Upload value invalid: a file is sent by POST, as a part of a multipart/form-data body',
    );
  },
  serialize() {
    throw new GraphQLError('Upload serialization unsupported');
  },
});
