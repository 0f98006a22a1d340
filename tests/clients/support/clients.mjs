// The clients that nobody here wrote, unmodified: pusher-js and Laravel Echo.
// Each ends with the test that made it.
import axios from 'axios'
import Echo from 'laravel-echo'
import PusherClient from 'pusher-js'
import { app } from './server.mjs'
import { afterwards, Inbox, patience, within } from './wait.mjs'

export const broadcasters = ['reverb', 'pusher']
const actions = ['created', 'updated', 'deleted']

const connection = (server) => ({
  wsHost: '127.0.0.1',
  wsPort: server.port,
  wssPort: server.port,
  forceTLS: false,
  enabledTransports: ['ws'],
  disableStats: true,
  cluster: '',
})

/** A pusher-js client; `token` is its bearer token for private channels. */
export function pusher(t, server, { token, key = app.key, ...more } = {}) {
  const client = new PusherClient(key, {
    ...connection(server),
    channelAuthorization: {
      transport: 'ajax',
      endpoint: `${server.url}/api/broadcasting/auth`,
      headers: token ? { Authorization: `Bearer ${token}` } : {},
    },
    ...more,
  })
  afterwards(t, () => client.disconnect())
  return client
}

/**
 * An Echo instance and the axios instance that carries its X-Socket-ID
 * interceptor. Echo shares the objects of its defaults among instances, the
 * headers with the bearer token too: each gets its own.
 */
export function echo(t, server, { token, broadcaster = 'reverb' } = {}) {
  const http = axios.create({
    baseURL: server.url,
    proxy: false,
    validateStatus: () => true,
    headers: token ? { Authorization: `Bearer ${token}` } : {},
  })
  globalThis.axios = http // where Echo looks for what to add its interceptor to
  const client = new Echo({
    broadcaster,
    Pusher: PusherClient,
    key: app.key,
    ...connection(server),
    authEndpoint: `${server.url}/api/broadcasting/auth`,
    bearerToken: token,
    auth: { headers: {} },
    userAuthentication: { endpoint: `${server.url}/api/broadcasting/user-auth`, headers: {} },
  })
  delete globalThis.axios
  afterwards(t, () => client.disconnect())
  return { echo: client, http, pusher: client.connector.pusher }
}

/** Resolves when the client is in this state, at once if it is already. */
export function inState(client, state, ms = patience) {
  const { connection } = client
  if (connection.state === state) return Promise.resolve(connection.socket_id)
  const reached = new Promise((resolve) => {
    const look = ({ current }) => {
      if (current !== state) return
      connection.unbind('state_change', look)
      resolve(connection.socket_id)
    }
    connection.bind('state_change', look)
  })
  return within(ms, reached, `the client to be ${state}; it is ${connection.state}`)
}

/** Resolves to the socket id once the client is connected. */
export const connected = (client, ms) => inState(client, 'connected', ms)

/** Subscribes with pusher-js; resolves, once subscribed, to the inbox of its record events. */
export function listen(client, name) {
  const channel = client.subscribe(name)
  return subscribed(name, {
    event: (action, hear) => channel.bind(action, hear),
    error: (hear) => channel.bind('pusher:subscription_error', hear),
    success: (hear) => channel.bind('pusher:subscription_succeeded', hear),
  })
}

/** The same through Echo; `answer` is what subscribe said. */
export function echoListen(client, answer) {
  const name = answer.channel_name
  const channel = answer.is_public ? client.channel(name) : client.private(name)
  return subscribed(name, {
    event: (action, hear) => channel.listen(`.${action}`, hear),
    error: (hear) => channel.error(hear),
    success: (hear) => channel.subscribed(hear),
  })
}

/**
 * The inbox of a channel's record events. Beside it: `errors`, and `successes`
 * after the first, which is waited for.
 */
async function subscribed(name, bind) {
  const inbox = new Inbox(`events on ${name}`)
  inbox.errors = new Inbox(`errors on ${name}`)
  inbox.successes = new Inbox(`subscription_succeeded on ${name}`)
  for (const action of actions) bind.event(action, (data) => inbox.push({ name: action, data }))
  const first = new Promise((resolve, reject) => {
    bind.success(() => {
      inbox.successes.push(true)
      resolve()
    })
    bind.error((error) => {
      inbox.errors.push(error)
      reject(new Error(`${name} was refused: ${JSON.stringify(error)}`))
    })
  })
  await within(patience, first, `subscription to ${name}`)
  await inbox.successes.next()
  return inbox
}

/** The name pusher-js subscribes to for what subscribe answered. */
export const wireName = ({ channel_name, is_public }) => (is_public ? channel_name : `private-${channel_name}`)

/** The error that a subscription with pusher-js must get. */
export function refusal(client, name) {
  const inbox = new Inbox(`pusher:subscription_error on ${name}`)
  client.subscribe(name).bind('pusher:subscription_error', (error) => inbox.push(error))
  return inbox.next()
}

/** The error that Echo's `.error()` must hear on a private channel. */
export function echoRefusal(client, name) {
  const inbox = new Inbox(`Echo's .error() on ${name}`)
  client.private(name).error((error) => inbox.push(error))
  return inbox.next()
}
