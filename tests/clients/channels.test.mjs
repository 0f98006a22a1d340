// Plain Pusher channels with stock pusher-js and Laravel Echo: presence, whispers,
// sign-in, and what an application publishes, for which its official library stands.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import Echo from 'laravel-echo'
import PusherServer from 'pusher'
import PusherClient from 'pusher-js'
import { app, Server } from './support/server.mjs'
import { connected } from './support/clients.mjs'
import { afterwards, Inbox, patience, within } from './support/wait.mjs'

let server
let application
let hasApi = false
before(async () => {
  server = await Server.start()
  application = new PusherServer({
    appId: app.id,
    key: app.key,
    secret: app.secret,
    host: '127.0.0.1',
    port: String(server.port),
    useTLS: false,
    encryptionMasterKeyBase64: Buffer.alloc(32, 'k').toString('base64'),
  })
  hasApi = (await server.request('GET', `/apps/${app.id}/channels`)).status !== 404
})
after(() => server?.close())

const noApi = () => (hasApi ? false : 'this server has no /apps API')

/** A browser tab of this user, whose application signs what it asks for. */
function tab(t, user, { watchlist = [] } = {}) {
  const client = new PusherClient(app.key, {
    wsHost: '127.0.0.1',
    wsPort: server.port,
    forceTLS: false,
    enabledTransports: ['ws'],
    disableStats: true,
    cluster: '',
    channelAuthorization: {
      customHandler: ({ socketId, channelName }, answer) => {
        const member = { user_id: user, user_info: { name: `${user} of ${channelName}` } }
        answer(null, application.authorizeChannel(socketId, channelName, channelName.startsWith('presence-') ? member : undefined))
      },
    },
    userAuthentication: {
      customHandler: ({ socketId }, answer) =>
        answer(null, application.authenticateUser(socketId, { id: user, user_info: { name: user }, watchlist })),
    },
  })
  afterwards(t, () => client.disconnect())
  return client
}

/** Subscribes; resolves once it succeeded, to the channel with an inbox of all its events. */
async function join(client, name) {
  const channel = client.subscribe(name)
  const inbox = new Inbox(`events of ${name}`)
  channel.bind_global((event, data) => inbox.push({ event, data }))
  await within(patience, new Promise((resolve, reject) => {
    channel.bind('pusher:subscription_succeeded', resolve)
    channel.bind('pusher:subscription_error', (error) => reject(new Error(JSON.stringify(error))))
  }), `subscription to ${name}`)
  await inbox.next() // subscription_succeeded itself
  return { channel, inbox }
}

test('presence: a user with several tabs joins once and leaves once', async (t) => {
  const [witness, tab1, tab2] = ['w', 'ada', 'ada'].map((user) => tab(t, user))
  const { channel, inbox } = await join(witness, 'presence-tabs')
  assert.equal(channel.members.count, 1)
  const first = await join(tab1, 'presence-tabs')
  const second = await join(tab2, 'presence-tabs')
  assert.deepEqual(await inbox.next(), { event: 'pusher:member_added', data: { id: 'ada', info: { name: 'ada of presence-tabs' } } })
  for (const { channel: mine } of [first, second]) {
    assert.equal(mine.members.count, 2)
    assert.deepEqual(mine.members.get('w').info, { name: 'w of presence-tabs' })
    assert.equal(mine.members.me.id, 'ada')
  }
  tab1.unsubscribe('presence-tabs')
  const bob = tab(t, 'bob')
  await join(bob, 'presence-tabs')
  assert.equal((await inbox.next()).data.id, 'bob') // and not that ada left
  tab2.disconnect()
  const removed = await inbox.next()
  assert.equal(removed.event, 'pusher:member_removed')
  assert.equal(removed.data.id, 'ada')
  assert.equal(channel.members.count, 2)
})

test('client events: heard by the others alone, and said to be whose they are', async (t) => {
  const [ada, bob] = ['ada', 'bob'].map((user) => tab(t, user))
  const hers = await join(ada, 'presence-chat')
  const his = await join(bob, 'presence-chat')
  await hers.inbox.next() // member_added
  const heard = new Promise((resolve) => his.channel.bind('client-typing', (data, metadata) => resolve({ data, metadata })))
  hers.channel.trigger('client-typing', { n: 1, text: 'é"' })
  assert.deepEqual(await within(patience, heard, 'the event'), { data: { n: 1, text: 'é"' }, metadata: { user_id: 'ada' } })
  his.channel.trigger('client-typing', 'plain')
  assert.deepEqual(await hers.inbox.next(), { event: 'client-typing', data: 'plain' }) // not her own
})

test('a client event on a public channel is answered with 4301', async (t) => {
  const client = tab(t, 'ada')
  await join(client, 'public')
  const error = new Promise((resolve) => client.connection.bind('error', resolve))
  client.send_event('client-x', {}, 'public')
  const { data } = await within(patience, error, 'the error')
  assert.equal(data.code, 4301)
})

test("Laravel Echo: here, joining, leaving, whisper and .error()", async (t) => {
  const echoOf = (user) => {
    const echo = new Echo({ broadcaster: 'pusher', client: tab(t, user) })
    afterwards(t, () => echo.disconnect())
    return echo
  }
  const [ada, bob] = ['ada', 'bob'].map(echoOf)
  const inbox = new Inbox("Ada's room")
  ada.join('room')
    .here((users) => inbox.push(['here', users.map((user) => user.name)]))
    .joining((user) => inbox.push(['joining', user.name]))
    .leaving((user) => inbox.push(['leaving', user.name]))
    .listenForWhisper('typing', (data) => inbox.push(['typing', data]))
  assert.deepEqual(await inbox.next(), ['here', ['ada of presence-room']])
  const room = bob.join('room')
  await within(patience, new Promise((resolve) => room.here(resolve)), 'here')
  assert.deepEqual(await inbox.next(), ['joining', 'bob of presence-room'])
  room.whisper('typing', { on: true })
  assert.deepEqual(await inbox.next(), ['typing', { on: true }])
  bob.leave('room')
  assert.deepEqual(await inbox.next(), ['leaving', 'bob of presence-room'])
  const refused = new Promise((resolve) => ada.private('velo.realtime.nobody').error(resolve))
  assert.equal((await within(patience, refused, 'the refusal')).status, 404)
})

test('a signature by another secret, for another socket or channel is refused', async (t) => {
  const client = tab(t, 'ada')
  const socketId = await connected(client)
  const forged = (text, secret = app.secret) => `${app.key}:${createHmac('sha256', secret).update(text).digest('hex')}`
  const bad = [
    forged(`${socketId}:private-y`, 'another'), forged(`1.1:private-y`), forged(`${socketId}:private-z`),
    forged(`${socketId}:private-y`).toUpperCase(), forged(`${socketId}:private-y`).replace(app.key, 'other-key'), '',
  ]
  const answers = new Inbox('refusals')
  client.connection.bind('message', (message) => answers.push(message))
  for (const auth of bad) {
    client.send_event('pusher:subscribe', { channel: 'private-y', auth })
    const answer = await answers.next()
    assert.equal(answer.event, 'pusher:subscription_error')
    assert.equal(answer.data.status, 401)
  }
  client.send_event('pusher:subscribe', { channel: 'private-y', auth: forged(`${socketId}:private-y`) })
  assert.equal((await answers.next()).event, 'pusher_internal:subscription_succeeded')
})

test('sign-in: a watchlist says who is there and who comes and goes', async (t) => {
  const ada = tab(t, 'ada', { watchlist: ['bob', 'cy'] })
  const inbox = new Inbox('watchlist')
  for (const name of ['online', 'offline']) ada.user.watchlist.bind(name, (e) => inbox.push([name, e.user_ids]))
  ada.signin()
  assert.deepEqual(await inbox.next(), ['offline', ['bob', 'cy']])
  const bob = tab(t, 'bob')
  bob.signin()
  assert.deepEqual(await inbox.next(), ['online', ['bob']])
  bob.disconnect()
  assert.deepEqual(await inbox.next(), ['offline', ['bob']])
})

test('an event sent to a user reaches that user; terminating ends the connection for good', async (t) => {
  if (noApi()) return t.skip(noApi())
  const [ada, bob] = ['ada', 'bob'].map((user) => tab(t, user))
  const inbox = new Inbox('events of ada')
  ada.user.bind('note', (data) => inbox.push(data))
  for (const client of [ada, bob]) {
    client.signin()
    await within(patience, client.user.signinDonePromise, 'the sign-in')
  }
  // pusher-js subscribes to the user's own channel once it is signed in.
  await within(patience, new Promise((resolve) => {
    const look = () => (ada.user.serverToUserChannel?.subscribed ? resolve() : setTimeout(look, 5))
    look()
  }), "the user's channel")
  await application.sendToUser('ada', 'note', { text: 'hello' })
  assert.deepEqual(await inbox.next(), { text: 'hello' })
  const ended = new Promise((resolve) => ada.connection.bind('disconnected', resolve))
  await application.terminateUserConnections('ada')
  await within(patience, ended, 'the end of the connection')
  assert.equal(bob.connection.state, 'connected')
})

test('an encrypted channel is decrypted by the client alone', async (t) => {
  if (noApi()) return t.skip(noApi())
  const { inbox } = await join(tab(t, 'ada'), 'private-encrypted-room')
  await application.trigger('private-encrypted-room', 'secret', { text: 'for you' })
  assert.deepEqual(await inbox.next(), { event: 'secret', data: { text: 'for you' } })
})

test('a cache channel tells its last event to whoever comes later', async (t) => {
  if (noApi()) return t.skip(noApi())
  const early = await join(tab(t, 'ada'), 'cache-scores')
  assert.equal((await early.inbox.next()).event, 'pusher:cache_miss')
  await application.trigger('cache-scores', 'goal', { n: 1 })
  await application.trigger('cache-scores', 'goal', { n: 2 })
  const late = await join(tab(t, 'bob'), 'cache-scores')
  assert.deepEqual(await late.inbox.next(), { event: 'goal', data: { n: 2 } })
})

test('toOthers(): the socket that caused an event does not hear it', async (t) => {
  if (noApi()) return t.skip(noApi())
  const [ada, bob] = ['ada', 'bob'].map((user) => tab(t, user))
  const hers = await join(ada, 'news')
  const his = await join(bob, 'news')
  await application.trigger('news', 'first', {}, { socket_id: ada.connection.socket_id })
  await application.trigger('news', 'second', {})
  assert.equal((await his.inbox.next()).event, 'first')
  assert.equal((await hers.inbox.next()).event, 'second')
})
