import { createClient } from 'millrace/client';
import { websocket } from 'millrace/client/websocket';

const client = createClient({ url: 'http://localhost:4000/graphql', transport: websocket() });
const results = client.subscribe({ query: 'subscription { said(room: "lobby") }' });
for await (const { data } of results) console.log(data);
