// The HTTP API of Pusher, as the official library for Node uses it, and each of
// its refusals (PUSHER_PROTOCOL.md 12 and 13).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { app, Server } from './support/server.mjs'
import { call, official, serverWith, signedQuery } from './support/apps.mjs'
import { connected, pusher } from './support/clients.mjs'
import { Raw, sign, Socket } from './support/socket.mjs'
import { collection, subscribe } from './support/velo.mjs'
import { Inbox, patience, within } from './support/wait.mjs'

let server
before(async () => {
  server = await Server.start()
})
after(() => server?.close())

let names = 0
const fresh = (prefix = '') => `${prefix}channel-${(names += 1)}`

async function listener(t, channel, options) {
  const socket = await Socket.connect(t, options?.server ?? server, options)
  const answer = await socket.subscribe(channel, channel.startsWith('private-') ? sign(socket.id, channel) : '')
  assert.equal(answer.event, 'pusher_internal:subscription_succeeded', JSON.stringify(answer))
  return socket
}

async function member(t, channel, user_id, where = server, key = app) {
  const socket = await Socket.connect(t, where, { key: key.key })
  const channel_data = JSON.stringify({ user_id })
  socket.send({ event: 'pusher:subscribe', data: { channel, channel_data, auth: sign(socket.id, `${channel}:${channel_data}`, key) } })
  await socket.frames.find(({ event }) => event === 'pusher_internal:subscription_succeeded')
  return socket
}

const events = '/apps/velo/events'
const publish = (body, options) => call(server, 'POST', events, { body, ...options })

function assertError(answer, status, pattern = /./) {
  assert.equal(answer.status, status, answer.text)
  assert.match(answer.body.error, pattern)
  assert.equal(answer.body.status, status)
  assert.equal(typeof answer.body.code, 'string')
}

test('the first form of the API: channel in the path, data as it comes', async (t) => {
  const channel = fresh()
  const [one, two] = [await listener(t, channel), await listener(t, channel)]
  const path = `/apps/velo/channels/${channel}/events`
  const data = 'any  bytes, é, {"not":1'
  const answer = await call(server, 'POST', path, { body: data, query: { name: 'old', socket_id: two.id } })
  assert.deepEqual([answer.status, answer.body], [200, {}])
  assert.deepEqual(await one.frames.next(), { event: 'old', channel, data })
  await two.ping()
  assert.deepEqual(two.frames.rest, [])
  assertError(await call(server, 'POST', path, { body: data }), 400, /name/)
  assertError(await call(server, 'POST', '/apps/velo/channels/no%20channel/events', { body: data, query: { name: 'old' } }), 400, /channel/)
  assertError(await server.request('POST', `${path}?name=old`, { raw: data }), 401)
})

test('names may be as long as limits.channel_name_bytes says', async (t) => {
  const longer = await Server.start({ env: { VELO_LIMITS_CHANNEL_NAME_BYTES: '200' } })
  t.after(() => longer.close())
  for (const [where, bytes] of [[server, 164], [longer, 200]]) {
    const channel = 'n'.repeat(bytes)
    const socket = await listener(t, channel, { server: where })
    assert.equal((await call(where, 'POST', events, { body: { name: 'e', channel, data: '1' } })).status, 200)
    assert.equal((await socket.frames.next()).channel, channel)
    assertError(await call(where, 'POST', events, { body: { name: 'e', channel: `${channel}n`, data: '1' } }), 400, new RegExp(`1 to ${bytes}`))
    assert.equal((await socket.subscribe(`${channel}n`)).event, 'pusher:subscription_error')
  }
})

test('trigger reaches the subscribers of each channel, but not the socket it names', async (t) => {
  const [one, two] = [fresh(), fresh()]
  const heard = new Inbox('events')
  const client = pusher(t, server)
  const own = pusher(t, server)
  const ownId = await connected(own)
  await connected(client)
  for (const [who, channel] of [[client, one], [client, two], [own, one]]) {
    const ready = new Promise((resolve) => who.subscribe(channel).bind('pusher:subscription_succeeded', resolve))
    await within(patience, ready, channel)
  }
  client.bind('news', (data) => heard.push(data))
  const toOwn = new Inbox('own events')
  own.bind('news', (data) => toOwn.push(data))
  const answer = await official(server).trigger([one, two], 'news', { text: 'é' }, { socket_id: ownId })
  assert.equal(answer.status, 200)
  assert.deepEqual(await answer.json(), {})
  assert.deepEqual(await heard.take(2), [{ text: 'é' }, { text: 'é' }])
  await official(server).trigger(one, 'news', 'last')
  assert.equal(await toOwn.next(), 'last')
})

test('data arrives as exactly the text that was published; what is no text becomes one', async (t) => {
  const channel = fresh()
  const socket = await listener(t, channel)
  const texts = ['{"a" : 1.0,"b":"\\u00e9"}', 'hello', '123', '', '"quoted"', 'null']
  for (const data of texts) {
    assert.equal((await publish({ name: 'e', channel, data })).text, '{}')
    assert.equal((await socket.frames.next()).data, data)
  }
  await publish({ name: 'e', channel, data: { a: [1, 'x'] } })
  assert.equal((await socket.frames.next()).data, '{"a":[1,"x"]}')
})

test('a batch is delivered in its order, and info comes by index', async (t) => {
  const channel = fresh()
  const presence = fresh('presence-')
  const socket = await listener(t, channel)
  await member(t, presence, 'ada')
  const answer = await official(server).triggerBatch([
    { channel, name: 'first', data: 1, info: 'subscription_count' },
    { channel: presence, name: 'second', data: {}, info: 'user_count' },
    { channel, name: 'third', data: 'x' },
  ])
  assert.deepEqual(await answer.json(), { batch: [{ subscription_count: 1 }, { user_count: 1 }, {}] })
  assert.deepEqual((await socket.frames.take(2)).map(({ event }) => event), ['first', 'third'])
  const plain = await official(server).triggerBatch([{ channel, name: 'e', data: 'x' }])
  assert.deepEqual(await plain.json(), {})
})

test('info on events tells the counts of each channel', async (t) => {
  const [open, presence] = [fresh(), fresh('presence-')]
  await listener(t, open)
  await listener(t, open)
  await member(t, presence, 'ada')
  await member(t, presence, 'ada')
  const answer = await publish({ name: 'e', channels: [open, presence], data: '1', info: 'user_count,subscription_count' })
  assert.deepEqual(answer.body, { channels: { [open]: { subscription_count: 2 }, [presence]: { user_count: 1 } } })
})

test('channels, one channel and its users are told as documented', async (t) => {
  const [presence, other, cache] = [fresh('presence-'), fresh(), fresh('cache-')]
  await member(t, presence, 'ada')
  await member(t, presence, 'ada')
  await member(t, presence, 'bob')
  await listener(t, other)
  const get = async (path, params) => (await official(server).get({ path, params })).json()
  assert.deepEqual(await get('/channels', { filter_by_prefix: 'presence-', info: 'user_count' }), { channels: { [presence]: { user_count: 2 } } })
  const all = await get('/channels')
  assert.deepEqual(all.channels[other], {})
  assert.deepEqual(await get(`/channels/${presence}`, { info: 'user_count' }), { occupied: true, user_count: 2 })
  assert.deepEqual(await get(`/channels/${other}`, { info: 'subscription_count' }), { occupied: true, subscription_count: 1 })
  assert.deepEqual(await get(`/channels/${fresh()}`), { occupied: false })
  assert.deepEqual(await get(`/channels/${presence}/users`), { users: [{ id: 'ada' }, { id: 'bob' }] })
  assert.deepEqual(await get(`/channels/${cache}`, { info: 'cache' }), { occupied: false, cache: null })
  await publish({ name: 'e', channel: cache, data: 'kept' })
  const kept = await get(`/channels/${cache}`, { info: 'cache' })
  assert.equal(kept.cache.data, 'kept')
  assert.ok(kept.cache.ttl > 1700 && kept.cache.ttl <= 1800)
  for (const [path, query] of [
    ['/channels', { info: 'user_count' }],
    ['/channels', { info: 'nonsense' }],
    [`/channels/${other}`, { info: 'user_count' }],
    [`/channels/${other}`, { info: 'cache' }],
    [`/channels/${presence}`, { info: 'nonsense' }],
    [`/channels/${other}/users`, {}],
    ['/channels/not%20a%20name', {}],
  ]) {
    assertError(await call(server, 'GET', `/apps/velo${decodeURI(path)}`.replace(/ /g, '%20'), { query }), 400)
  }
})

test('connections counts the sockets of the app', async (t) => {
  const before = (await call(server, 'GET', '/apps/velo/connections')).body.connections
  await Socket.connect(t, server)
  assert.equal((await call(server, 'GET', '/apps/velo/connections')).body.connections, before + 1)
})

test('sendToUser reaches every socket of a signed-in user, terminate closes them with 4009', async (t) => {
  const sockets = []
  for (let n = 0; n < 2; n += 1) {
    const socket = await Socket.connect(t, server)
    const user_data = JSON.stringify({ id: 'u-42' })
    socket.send({ event: 'pusher:signin', data: { user_data, auth: sign(socket.id, `:user::${user_data}`) } })
    await socket.frames.find(({ event }) => event === 'pusher:signin_success')
    assert.equal((await socket.subscribe('#server-to-user-u-42')).event, 'pusher_internal:subscription_succeeded')
    sockets.push(socket)
  }
  await official(server).sendToUser('u-42', 'hi', { n: 1 })
  for (const socket of sockets) {
    const frame = await socket.frames.next()
    assert.deepEqual([frame.event, frame.channel, frame.data], ['hi', '#server-to-user-u-42', '{"n":1}'])
  }
  const other = await Socket.connect(t, server)
  assert.deepEqual(await (await official(server).terminateUserConnections('u-42')).json(), {})
  for (const socket of sockets) assert.equal((await socket.close()).code, 4009)
  await other.ping()
  // Without a body there is no body_md5, and both are accepted.
  assert.equal((await call(server, 'POST', '/apps/velo/users/u-42/terminate_connections')).text, '{}')
  assert.equal((await call(server, 'POST', '/apps/velo/users/u-42/terminate_connections', { body: '{}' })).text, '{}')
})

test('an event that cannot be sent is refused with its reason, and with nothing sent', async (t) => {
  const channel = fresh()
  const socket = await listener(t, channel)
  const ok = { name: 'e', channel, data: 'x' }
  for (const [body, pattern] of [
    ['{', /not valid JSON/],
    ['[]', /must be a JSON object/],
    [{ ...ok, name: undefined }, /name is required/],
    [{ ...ok, name: '' }, /name is required/],
    [{ ...ok, name: 5 }, /name is required/],
    [{ ...ok, name: 'x'.repeat(201) }, /longer than 200/],
    [{ ...ok, name: 'pusher:x' }, /pusher:/],
    [{ ...ok, name: 'pusher_internal:x' }, /pusher_internal:/],
    [{ ...ok, name: 'client-x' }, /client-/],
    [{ ...ok, data: undefined }, /data is required/],
    [{ ...ok, channel: undefined }, /channel is required/],
    [{ ...ok, channel: 'not a name' }, /no channel/],
    [{ ...ok, channel: '#other' }, /no channel/],
    [{ ...ok, channel: 'x'.repeat(165) }, /no channel/],
    [{ ...ok, channels: [channel] }, /not both/],
    [{ ...ok, channel: undefined, channels: [] }, /no channel/],
    [{ ...ok, channel: undefined, channels: [5] }, /list of texts/],
    [{ ...ok, channel: undefined, channels: Array.from({ length: 101 }, (_, n) => `c${n}`) }, /at most 100/],
    [{ ...ok, socket_id: 'x' }, /digits\.digits/],
    [{ ...ok, info: 'nonsense' }, /nonsense/],
  ]) {
    assertError(await publish(body), 400, pattern)
  }
  assertError(await publish({ ...ok, data: 'x'.repeat(10_241) }), 413, /exceeds the allowed maximum \(10240 bytes\)/)
  assert.equal((await publish({ ...ok, data: 'x'.repeat(10_240) })).status, 200)
  assert.equal((await socket.frames.next()).data.length, 10_240)
  const batch = (items) => call(server, 'POST', '/apps/velo/batch_events', { body: { batch: items } })
  assertError(await batch(Array.from({ length: 11 }, () => ok)), 400, /at most 10/)
  assertError(await batch([]), 400)
  assertError(await batch([ok, { ...ok, name: '' }]), 400, /name is required/)
  assertError(await batch([ok, { ...ok, data: 'x'.repeat(10_241) }]), 413)
  await publish({ ...ok, name: 'last' })
  assert.equal((await socket.frames.next()).event, 'last')
})

test('unknown apps, routes and methods are told in the words of this API', async () => {
  assertError(await call(server, 'GET', '/apps/nobody/channels'), 404)
  assertError(await call(server, 'GET', '/apps/velo/nothing'), 404)
  const wrong = await call(server, 'DELETE', '/apps/velo/events')
  assertError(wrong, 405)
  assert.match(wrong.headers.allow, /POST/)
})

test('every way to spoil a signature is 401', async () => {
  const path = events
  const body = JSON.stringify({ name: 'e', channel: 'x', data: '1' })
  const now = Math.floor(Date.now() / 1000)
  const send = (query, sent = body, where = path) =>
    server.request('POST', `${where}?${query}`, { raw: sent, headers: { 'Content-Type': 'application/json' } })
  const good = signedQuery('POST', path, body)
  assert.equal((await send(good)).text, '{}')
  assert.equal((await send(good)).text, '{}', 'it may repeat within the window')
  const flipped = good.replace(/(auth_signature=)(.)/, (_, name, digit) => name + (digit === '0' ? '1' : '0'))
  for (const [what, query, sent] of [
    ['one digit flipped', flipped],
    ['upper case', good.replace(/[0-9a-f]{64}/, (hex) => hex.toUpperCase())],
    ['no signature', good.replace(/&?auth_signature=[^&]*/, '')],
    ["another app's key", signedQuery('POST', path, body, { key: 'other-key' })],
    ['another secret', signedQuery('POST', path, body, { secret: 'other' })],
    ['too old', signedQuery('POST', path, body, { time: now - 615 })],
    ['from the future', signedQuery('POST', path, body, { time: now + 615 })],
    ['no time', signedQuery('POST', path, body, { time: 'soon' })],
    ['another body', good, body.replace('"1"', '"2"')],
    ['no body_md5', signedQuery('POST', path, ''), body],
    ['a name twice', `${good}&auth_version=1.0`],
    ['an unsigned parameter', `${good}&info=user_count`],
    ['another method', signedQuery('GET', path, body)],
  ]) {
    assertError(await send(query, sent), 401)
    assert.ok(what)
  }
  const slash = await send(good, body, `${path}/`)
  assert.ok([401, 404].includes(slash.status))
  assertError(await server.request('GET', '/apps/velo/channels'), 401)
})

test('record channels are closed to publishers, under whatever prefix', async (t) => {
  const posts = await collection(server)
  const { channel_name: record } = await subscribe(server, posts)
  const socket = await Socket.connect(t, server)
  await socket.subscribe(record)
  for (const channel of [record, `private-${record}`, `presence-${record}`, `cache-${record}`, `private-encrypted-${record}`, 'velo.realtime.x']) {
    const answer = await publish({ name: 'created', channel, data: '{"action":"created","record":{"id":"forged"}}' })
    assertError(answer, 403, /carries the events of records/)
    assertError(await publish({ name: 'created', channels: [fresh(), channel], data: '1' }), 403)
    assertError(await call(server, 'POST', '/apps/velo/batch_events', { body: { batch: [{ name: 'created', channel, data: '1' }] } }), 403)
  }
  await socket.ping()
  assert.deepEqual(socket.frames.rest.filter(({ channel }) => channel === record), [])
})

test('an X-Idempotency-Key publishes once; another body with it is 409', async (t) => {
  const channel = fresh()
  const socket = await listener(t, channel)
  const headers = { 'X-Idempotency-Key': `key-${channel}` }
  const body = { name: 'e', channel, data: '1', info: 'subscription_count' }
  const first = await publish(body, { headers })
  assert.deepEqual(first.body, { channels: { [channel]: { subscription_count: 1 } } })
  assert.equal((await publish(body, { headers })).text, first.text)
  assertError(await publish({ ...body, data: '2' }, { headers }), 409)
  await publish({ ...body, name: 'last' })
  assert.deepEqual((await socket.frames.take(2)).map(({ event }) => event), ['e', 'last'])
})

test('requests on one connection, pipelined too, are answered in order', async (t) => {
  const channel = fresh()
  const socket = await listener(t, channel)
  const raw = await Raw.connect(t, server)
  const all = Array.from({ length: 20 }, (_, n) => {
    const body = JSON.stringify({ name: `e${n}`, channel, data: '1' })
    return `POST ${events}?${signedQuery('POST', events, body)} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  })
  raw.write(all.join(''))
  await raw.until(/(HTTP\/1\.1 200 OK[\s\S]*?\r\n\r\n\{\}){20}$/)
  assert.deepEqual((await socket.frames.take(20)).map(({ event }) => event), all.map((_, n) => `e${n}`))
})

test('apps share nothing: neither channels, nor users, nor keys', async (t) => {
  const [a, b] = ['a', 'b'].map((id) => ({ id, key: `${id}-key`, secret: `${id}-secret` }))
  const own = await serverWith(t, [a, b])
  const toA = await listener(t, 'news', { server: own, key: a.key })
  const toB = await listener(t, 'news', { server: own, key: b.key })
  await member(t, 'presence-x', 'ada', own, a)
  await official(own, a).trigger('news', 'of-a', {})
  await official(own, b).trigger('news', 'of-b', {})
  assert.equal((await toA.frames.next()).event, 'of-a')
  assert.equal((await toB.frames.next()).event, 'of-b')
  assert.deepEqual((await (await official(own, b).get({ path: '/channels' })).json()), { channels: { news: {} } })
  assert.equal((await call(own, 'GET', '/apps/a/connections', a)).body.connections, 2)
  assertError(await call(own, 'GET', '/apps/a/channels', b), 401)
})

test('each of several keys works, for requests, sockets and channels', async (t) => {
  const keys = [{ key: 'old-key', secret: 'old-secret' }, { key: 'new-key', secret: 'new-secret' }]
  const own = await serverWith(t, [{ id: 'velo', keys }])
  for (const { key, secret } of keys) {
    assert.deepEqual((await call(own, 'GET', '/apps/velo/connections', { key, secret })).status, 200)
    const socket = await Socket.connect(t, own, { key: keys[0].key })
    // Any active key of the connection's app counts.
    const answer = await socket.subscribe('private-x', sign(socket.id, 'private-x', { key, secret }))
    assert.equal(answer.event, 'pusher_internal:subscription_succeeded')
  }
  assertError(await call(own, 'GET', '/apps/velo/connections', { key: 'old-key', secret: 'new-secret' }), 401)
})

test('a disabled app is 403 to those who can sign for it', async (t) => {
  const off = { id: 'off', key: 'off-key', secret: 'off-secret' }
  const own = await serverWith(t, [{ ...off, enabled: false }])
  assertError(await call(own, 'GET', '/apps/off/channels', off), 403, /disabled/)
  assertError(await call(own, 'GET', '/apps/off/channels', { ...off, secret: 'x' }), 401)
})

test('under a mount prefix the path is signed without it', async (t) => {
  const own = await Server.start({ env: { VELO_PATH_PREFIX: '/ws' } })
  t.after(() => own.close())
  const at = { url: `http://127.0.0.1:${own.port}`, request: own.request }
  const path = '/apps/velo/channels'
  const query = signedQuery('GET', path)
  const { request } = await import('./support/http.mjs')
  assert.deepEqual((await request('GET', `${at.url}/ws${path}?${query}`)).body, { channels: {} })
  assert.equal((await request('GET', `${at.url}${path}?${query}`)).status, 404)
  assert.equal((await request('GET', `${at.url}/ws${path}?${signedQuery('GET', `/ws${path}`)}`)).status, 401)
})

test('the limits of the API are settings', async (t) => {
  const own = await Server.start({
    env: { VELO_LIMITS_EVENT_BYTES: '10', VELO_LIMITS_CHANNELS_PER_EVENT: '1', VELO_LIMITS_EVENTS_PER_BATCH: '1', VELO_LIMITS_EVENT_NAME_BYTES: '2', VELO_PUSHER_SIGNATURE_WINDOW: '1000s' },
  })
  t.after(() => own.close())
  const send = (body, options) => call(own, 'POST', events, { body, ...options })
  assertError(await send({ name: 'e', channel: 'a', data: 'x'.repeat(11) }), 413, /\(10 bytes\)/)
  assertError(await send({ name: 'e', channels: ['a', 'b'], data: 'x' }), 400, /at most 1 channels/)
  assertError(await send({ name: 'eee', channel: 'a', data: 'x' }), 400, /longer than 2/)
  assert.equal((await send({ name: 'e', channel: 'a', data: 'x' }, { time: Math.floor(Date.now() / 1000) - 900 })).status, 200)
})
