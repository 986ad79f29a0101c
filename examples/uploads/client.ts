import { createClient } from 'millrace/client';
import { http } from 'millrace/client/http';
import { uploads } from 'millrace/client/uploads';
import { websocket } from 'millrace/client/websocket';

const client = createClient({
  url: 'http://localhost:4000/graphql',
  transport: { queries: http({ uploads: uploads() }), subscriptions: websocket() },
});

const { data } = await client.mutate({
  query: 'mutation ($file: Upload!) { digest(file: $file) }',
  variables: { file: new File(['some bytes'], 'photo.jpg', { type: 'image/jpeg' }) },
});
console.log(data);
