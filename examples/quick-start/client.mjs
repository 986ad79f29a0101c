import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

const client = createClient({ url: 'ws://localhost:4000/graphql', webSocketImpl: WebSocket });
const results = client.iterate({ query: 'subscription { said(room: "lobby") }' });
for await (const { data } of results) console.log(data);
