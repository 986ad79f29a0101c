import { setTimeout } from 'node:timers/promises';

const definitions = /* GraphQL */ `
  directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
  directive @stream(if: Boolean! = true, label: String, initialCount: Int! = 0) on FIELD
  type Query {
    person: Person
  }
  type Person {
    name: String
    slow: String
    fails: String
    required: String!
    friend: Person
    films: [Film!]
  }
  type Film {
    title: String
    studio: String
  }
`;

const friend = { name: 'Han', slow: () => setTimeout(10, 's') };

const person = {
  ...friend,
  name: 'Luke',
  friend,
  fails: () => setTimeout(5).then(() => Promise.reject(new Error('boom'))),
  required: () => setTimeout(5, null),
  films: async function* () {
    for (const title of ['A', 'B', 'C']) yield setTimeout(5, { title, studio: `of ${title}` });
  },
};

/**
 * A schema with `@defer` and `@stream`, and fields that take a while.
 *
 * @param {Pick<typeof import('graphql'), 'buildSchema'>} graphql - The copy that the server has.
 * @returns {import('graphql').GraphQLSchema} Of that copy.
 */
export function createSchemaInParts({ buildSchema }) {
  const schema = buildSchema(definitions);
  Object.assign(schema.getQueryType()?.getFields()['person'] ?? {}, { resolve: () => person });
  return schema;
}
