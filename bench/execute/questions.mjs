/** What is executed: the same schema, operations and events for all engines. */
export const typeDefs = /* GraphQL */ `
  type Message {
    id: ID!
    room: String!
    author: String!
    seq: Int!
    text: String!
  }
  type Address {
    city: String
    zip: String
  }
  type Author {
    id: ID!
    name: String!
    address: Address
  }
  type Row {
    id: ID!
    title: String
    count: Int
    share: Float
    open: Boolean
    author: Author
  }
  interface Node {
    id: ID!
  }
  type Photo implements Node {
    id: ID!
    width: Int
  }
  type Note implements Node {
    id: ID!
    text: String
  }
  union Attachment = Photo | Note
  type Task {
    id: ID!
    title: String!
    rank: Int
    status: String!
  }
  type Query {
    hello: String
  }
  type Subscription {
    message: Message!
    rows: [Row!]!
    nodes: [Node!]!
    attachments: [Attachment!]!
    resolved(atLeast: Int = 2): Message!
    tasks: [Task!]!
  }
`;

/** Functions of the schema: one that answers at once, and one of each of 50 objects that does not. */
export const resolvers = {
  Subscription: { resolved: (/** @type {object} */ event) => event },
  Task: { status: async (/** @type {{ rank: number }} */ { rank }) => `rank ${rank}` },
};

const message = {
  id: 'm1',
  room: 'r0',
  author: 'somebody',
  seq: 7,
  text: 'x'.repeat(68),
};

/** @type {<Item>(make: (index: number) => Item) => Item[]} */
const fifty = (make) => Array.from({ length: 50 }, (_, index) => make(index));

const rows = fifty((index) => ({
  id: `r${index}`,
  title: `title ${index}`,
  count: index,
  share: index / 7,
  open: index % 2 === 0,
  author: { id: `a${index}`, name: `name ${index}`, address: { city: 'Ulm', zip: '89073' } },
}));

const nodes = fifty((index) =>
  index % 2 === 0
    ? { __typename: 'Photo', id: `n${index}`, width: index }
    : { __typename: 'Note', id: `n${index}`, text: `text ${index}` },
);

const tasks = fifty((index) => ({ id: `t${index}`, title: `task ${index}`, rank: index }));

/**
 * @typedef {object} Question
 * @property {string} label
 * @property {string} selection of the operation, with ALIAS before each field of the root
 * @property {object} rootValue
 */

/** @satisfies {Record<string, Question>} */
export const questions = {
  small: {
    label: 'an object of 5 fields',
    selection: 'ALIAS: message { id room author seq text }',
    rootValue: { message },
  },
  resolver: {
    label: 'the same, from a resolver with an argument',
    selection: 'ALIAS: resolved(atLeast: 3) { id room author seq text }',
    rootValue: message,
  },
  list: {
    label: '50 objects of 6 fields, two levels below',
    selection: 'ALIAS: rows { id title count share open author { id name address { city zip } } }',
    rootValue: { rows },
  },
  interface: {
    label: '50 objects of an interface',
    selection: 'ALIAS: nodes { __typename id ... on Photo { width } ... on Note { text } }',
    rootValue: { nodes },
  },
  union: {
    label: '50 objects of a union',
    selection:
      'ALIAS: attachments { __typename ... on Photo { id width } ... on Note { id text } }',
    rootValue: { attachments: nodes },
  },
  async: {
    label: '50 objects, a field of each from an async resolver',
    selection: 'ALIAS: tasks { id title rank status }',
    rootValue: { tasks },
  },
};

/** @typedef {keyof typeof questions} QuestionName */

/**
 * Operations that ask the same under other names.
 *
 * @param {QuestionName} name
 * @param {number} count
 * @returns {string[]}
 */
export function operationsOf(name, count) {
  const { selection } = questions[name];
  return Array.from({ length: count }, (_, index) => {
    const [, field = ''] = /ALIAS: (\w+)/u.exec(selection) ?? [];
    return `subscription { ${selection.replace('ALIAS', index === 0 ? field : `${field}${index}`)} }`;
  });
}
