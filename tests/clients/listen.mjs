// Prints the events of a collection as they arrive, with stock pusher-js:
// node listen.mjs URL APP_KEY COLLECTION [FILTER]

import Pusher from 'pusher-js';

const [url, key, collection, filter = ''] = process.argv.slice(2);
if (!collection) {
  console.error('usage: listen.mjs URL APP_KEY COLLECTION [FILTER]');
  process.exit(2);
}
const { protocol, hostname, port, pathname } = new URL(url);
const secure = protocol === 'https:';
const client = new Pusher(key, {
  cluster: '',
  wsHost: hostname,
  wsPort: Number(port || 80),
  wssPort: Number(port || 443),
  wsPath: pathname === '/' ? '' : pathname,
  forceTLS: secure,
  enabledTransports: ['ws'], // its name with TLS, too
});
client.connection.bind('error', (problem) => console.error('connection:', JSON.stringify(problem)));
client.connection.bind_global((name, state) => {
  if (name === 'disconnected') process.exit(1);
});

client.connection.bind('connected', async () => {
  const answer = await fetch(`${url}/api/realtime/subscribe`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ collection, filter, socket_id: client.connection.socket_id }),
  });
  const body = await answer.json();
  if (!answer.ok) {
    console.error(`subscribe: ${answer.status} ${body.message}`);
    process.exit(1);
  }
  const channel = client.subscribe(body.channel_name);
  channel.bind('pusher:subscription_succeeded', () => console.log(`listening on ${body.channel_name}`));
  for (const action of ['created', 'updated', 'deleted']) {
    channel.bind(action, (data) => console.log(action, JSON.stringify(data.record)));
  }
});
