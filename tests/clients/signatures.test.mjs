// Channel signatures: the official library against our endpoint and our socket.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import Pusher from 'pusher'
import { pusher } from './support/clients.mjs'
import { app, Server, superuser } from './support/server.mjs'
import { Socket, dataOf } from './support/socket.mjs'
import { assertRefused, collection, create, open, subscribe, tokenOf, users } from './support/velo.mjs'
import { patience, within } from './support/wait.mjs'

const ours = { appId: app.id, key: app.key, secret: app.secret }
const socketId = '218765.4093127'

let server
let channel
const token = tokenOf('ada')
before(async () => {
  server = await Server.start()
  await users(server)
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id = owner' } })
  channel = `private-${(await subscribe(server, posts, { token })).channel_name}`
})
after(() => server?.close())

const official = new Pusher({ ...ours, cluster: 'none' })
const hmac = (text) => createHmac('sha256', app.secret).update(text).digest('hex')

test('our auth endpoint answers what the official library signs, for a form and for JSON', async () => {
  const expected = official.authorizeChannel(socketId, channel)
  const body = { socket_id: socketId, channel_name: channel }
  for (const path of ['/api/broadcasting/auth', '/broadcasting/auth']) {
    assert.deepEqual(await server.expect(200, 'POST', path, { token, form: body }), expected)
    assert.deepEqual(await server.expect(200, 'POST', path, { token, json: body }), expected)
  }
})

test('our auth endpoint signs record channels of the caller, and nothing else', async () => {
  const ask = (channel_name, who = token, socket_id = socketId) =>
    server.request('POST', '/api/broadcasting/auth', { token: who, form: { socket_id, channel_name } })
  for (const other of [
    'private-anything',
    'presence-room',
    'private-velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11',
    `${channel}x`,
    'private-velo.realtime.',
    `presence-${channel.slice('private-'.length)}`,
  ]) {
    assertRefused(await ask(other), 403)
  }
  assertRefused(await ask(channel, tokenOf('eve')), 403)
  assertRefused(await ask(channel, null), [401, 403])
  assertRefused(await ask(channel, 'not-a-token'), 401)
})

test('user-auth signs in whom the token names, with what others may see of the user', async (t) => {
  await server.expect(200, 'PATCH', '/api/collections/users', { token: superuser, json: { hidden: ['email'] } })
  await create(server, 'users', { id: 'grace', name: 'Grace', email: 'grace@example.org' })
  const grace = tokenOf('grace')
  for (const path of ['/api/broadcasting/user-auth', '/broadcasting/user-auth']) {
    const answer = await server.expect(200, 'POST', path, { token: grace, form: { socket_id: socketId } })
    const user = JSON.parse(answer.user_data)
    assert.equal(user.id, 'grace')
    assert.equal(user.user_info.name, 'Grace')
    assert.ok(!answer.user_data.includes('example.org'))
    assert.equal(answer.auth, official.authenticateUser(socketId, user).auth.replace(/:.*/, `:${hmac(`${socketId}::user::${answer.user_data}`)}`))
    assertRefused(await server.request('POST', path, { form: { socket_id: socketId } }), 403)
    assertRefused(await server.request('POST', path, { token: superuser, form: { socket_id: socketId } }), 403)
    assertRefused(await server.request('POST', path, { token: grace, form: { socket_id: 'x' } }), 422)
  }
  const client = pusher(t, server, { userAuthentication: { transport: 'ajax', endpoint: `${server.url}/broadcasting/user-auth`, headers: { Authorization: `Bearer ${grace}` } } })
  const signedIn = new Promise((resolve) => client.bind('pusher:signin_success', resolve))
  client.signin()
  assert.equal(JSON.parse((await within(patience, signedIn, 'the sign-in')).user_data).id, 'grace')
})

test('our auth endpoint refuses malformed input', async () => {
  const ask = (form) => server.request('POST', '/api/broadcasting/auth', { token, form })
  for (const socket_id of ['', 'abc', '1', '1.', '1.2:private-x', '1.2\n']) {
    assertRefused(await ask({ socket_id, channel_name: channel }), [400, 403, 422])
  }
  assertRefused(await ask({ socket_id: socketId }), [400, 403, 422])
  assertRefused(await ask({ channel_name: channel }), [400, 403, 422])
})

test('a socket is let in by a signature of the official library, and by no near miss', async (t) => {
  const socket = await Socket.connect(t, server)
  const good = official.authorizeChannel(socket.id, channel).auth
  const [key, hex] = good.split(':')
  const other = new Pusher({ ...ours, secret: 'other-secret', cluster: 'none' })
  for (const [what, auth] of Object.entries({
    'one digit flipped': `${key}:${hex[0] === '0' ? '1' : '0'}${hex.slice(1)}`,
    'upper case': `${key}:${hex.toUpperCase()}`,
    'another socket': official.authorizeChannel('1.1', channel).auth,
    'another channel': official.authorizeChannel(socket.id, 'private-x').auth,
    "another app's key": `other-key:${hex}`,
    'another secret': other.authorizeChannel(socket.id, channel).auth,
    'no key': `:${hex}`,
    'no colon': hex,
    'cut short': good.slice(0, -1),
    longer: `${good}0`,
    empty: '',
  })) {
    const answer = await socket.subscribe(channel, auth)
    assert.equal(answer.event, 'pusher:subscription_error', what)
    assert.equal(dataOf(answer).status, 401, what)
  }
  assert.equal((await socket.subscribe(channel, good)).event, 'pusher_internal:subscription_succeeded')
})
