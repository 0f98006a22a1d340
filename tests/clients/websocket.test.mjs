// The WebSocket edge: the Pusher handshake, close codes, and frames that no
// stock client sends.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { app, Server } from './support/server.mjs'
import { connected, pusher } from './support/clients.mjs'
import { dataOf, Raw, sign, Socket } from './support/socket.mjs'
import { afterwards } from './support/wait.mjs'
import { collection, create, open, subscribe, tokenOf, users } from './support/velo.mjs'

let server
let posts
before(async () => {
  server = await Server.start()
  await users(server)
  posts = await collection(server)
})
after(() => server?.close())

const succeeded = 'pusher_internal:subscription_succeeded'
const refused = 'pusher:subscription_error'

test('the first frame is connection_established, its data JSON text', async (t) => {
  const socket = await Socket.open(t, server)
  const frame = await socket.frames.next()
  assert.equal(frame.event, 'pusher:connection_established')
  assert.equal(typeof frame.data, 'string')
  const data = JSON.parse(frame.data)
  assert.match(data.socket_id, /^\d+\.\d+$/)
  assert.equal(data.activity_timeout, 120)
  assert.notEqual((await Socket.connect(t, server)).id, data.socket_id)
})

for (const [what, query, code, key] of [
  ['an unknown app key', '?protocol=7', 4001, 'no-such-key'],
  ['a protocol that is too old', '?protocol=4', 4007],
  ['a protocol that is too new', '?protocol=99', 4007],
  ['a protocol that is no number', '?protocol=seven', 4006],
]) {
  test(`${what}: the upgrade completes, then ${code}`, async (t) => {
    const socket = await Socket.open(t, server, { query, key })
    assert.equal((await socket.close()).code, code)
    const events = socket.frames.items.map(({ event }) => event)
    assert.deepEqual(events.filter((event) => event !== 'pusher:error'), [])
    for (const frame of socket.frames.items) assert.equal(frame.data.code, code)
  })
}

test('protocols 5 to 7, no protocol and unknown parameters are accepted', async (t) => {
  for (const query of ['?protocol=5', '?protocol=6', '?protocol=7&flash=false&x=%F0%9F%98%80', '', '?client=js']) {
    await Socket.connect(t, server, { query })
  }
})

test('without an upgrade /app/{key} is a plain refusal', async () => {
  const answer = await server.request('GET', `/app/${app.key}`)
  assert.ok([400, 404, 426].includes(answer.status), String(answer.status))
})

test('a public record channel: succeeded before any event, data doubly encoded', async (t) => {
  const socket = await Socket.connect(t, server)
  const { channel_name: channel } = await subscribe(server, posts)
  assert.deepEqual(await socket.subscribe(channel), { event: succeeded, channel, data: '{}' })
  const record = await create(server, posts, { title: 'quote " backslash \\ ü 😀 \u2028' })
  const frame = await socket.frames.next()
  assert.deepEqual(Object.keys(frame).sort(), ['channel', 'data', 'event'])
  assert.deepEqual([frame.event, frame.channel, typeof frame.data], ['created', channel, 'string'])
  assert.deepEqual(JSON.parse(frame.data), { action: 'created', record })
})

test('an unknown uuid is refused: 404', async (t) => {
  const socket = await Socket.connect(t, server)
  for (const name of ['velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11', 'velo.realtime.', 'velo.realtime.nonsense', `velo.realtime.${'x'.repeat(100)}`]) {
    const answer = await socket.subscribe(name)
    assert.equal(answer.event, refused, name)
    assert.equal(dataOf(answer).status, 404, name)
  }
  const channel = 'private-velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11'
  const signed = await socket.subscribe(channel, sign(socket.id, channel))
  assert.equal(signed.event, refused)
  assert.equal(dataOf(signed).status, 404)
})

test('a private channel without a signature, or by its public name, is refused', async (t) => {
  const own = await collection(server, { rules: { ...open, list: '@request.auth.id = owner' } })
  const { channel_name } = await subscribe(server, own, { token: tokenOf('ada') })
  const socket = await Socket.connect(t, server)
  const channel = `private-${channel_name}`
  for (const data of [{ channel, auth: '' }, { channel }, { channel, auth: null }, { channel, auth: 7 }]) {
    socket.send({ event: 'pusher:subscribe', data })
    const answer = await socket.frames.find((frame) => frame.channel === channel)
    assert.equal(answer.event, refused)
    assert.equal(dataOf(answer).status, 401)
  }
  const publicly = await socket.subscribe(channel_name)
  assert.equal(publicly.event, refused)
  assert.ok([401, 403, 404].includes(dataOf(publicly).status))
  await create(server, own, { owner: 'ada', title: 'secret' })
  const { channel_name: plain } = await subscribe(server, posts)
  await socket.subscribe(plain)
  await create(server, posts, { title: 'sentinel' })
  const next = await socket.frames.next()
  assert.equal(next.channel, plain)
})

test('subscribe again is answered again; unsubscribe ends the events, and of an unknown channel it is nothing', async (t) => {
  const socket = await Socket.connect(t, server)
  const first = (await subscribe(server, posts)).channel_name
  const second = (await subscribe(server, posts)).channel_name
  assert.equal((await socket.subscribe(first)).event, succeeded)
  assert.equal((await socket.subscribe(first)).event, succeeded)
  assert.equal((await socket.subscribe(second)).event, succeeded)
  await create(server, posts, { n: 1 })
  const channels = [(await socket.frames.next()).channel, (await socket.frames.next()).channel]
  assert.deepEqual(channels.sort(), [first, second].sort()) // once each
  socket.send({ event: 'pusher:unsubscribe', data: { channel: first } })
  socket.send({ event: 'pusher:unsubscribe', data: { channel: 'no-such-channel' } })
  await socket.ping()
  await create(server, posts, { n: 2 })
  await create(server, posts, { n: 3 })
  const rest = [await socket.frames.next(), await socket.frames.next()]
  assert.deepEqual(rest.map((frame) => [frame.channel, JSON.parse(frame.data).record.n]), [[second, 2], [second, 3]])
  assert.equal((await socket.subscribe(first)).event, succeeded) // the subscription itself lives on
})

test('pusher:ping is answered with pusher:pong, a protocol ping with a pong', async (t) => {
  const socket = await Socket.connect(t, server)
  socket.send({ event: 'pusher:ping', data: {} })
  assert.equal((await socket.frames.next()).event, 'pusher:pong')
  const pong = new Promise((resolve) => socket.ws.once('pong', resolve))
  socket.ws.ping('velo')
  assert.equal((await pong).toString(), 'velo')
})

test('subscribe data may come as JSON text, as some clients send it', async (t) => {
  const socket = await Socket.connect(t, server)
  const { channel_name: channel } = await subscribe(server, posts)
  socket.send({ event: 'pusher:subscribe', data: JSON.stringify({ channel, auth: '' }) })
  assert.equal((await socket.frames.next()).event, succeeded)
})

test('a frame that is no event gets pusher:error 4300 and the socket stays', async (t) => {
  for (const text of ['not json', '{', '[]', '7', '"text"', 'null', '{}', '{"event":7}', '{"event":""}', '{"event":null,"data":{}}', '{"event":"pusher:unknown"}', '{"event":"pusher:subscribe"}', '{"event":"pusher:subscribe","data":7}', '{"event":"pusher:subscribe","data":{"channel":7}}', '{"event":"pusher:subscribe","data":"{"}']) {
    const socket = await Socket.connect(t, server)
    socket.send(text)
    const frame = await socket.frames.next()
    assert.equal(frame.event, 'pusher:error', text)
    assert.equal(frame.data.code, 4300, text)
    assert.equal(typeof frame.data.message, 'string')
    await socket.ping()
    const { channel_name } = await subscribe(server, posts)
    assert.equal((await socket.subscribe(channel_name)).event, succeeded)
    socket.ws.close()
  }
})

test('a deeply nested frame hurts nobody', async (t) => {
  const socket = await Socket.connect(t, server)
  socket.send(`{"event":"pusher:subscribe","data":${'['.repeat(40_000)}${']'.repeat(40_000)}}`)
  const outcome = await Promise.race([socket.frames.next(), socket.close()])
  assert.ok(outcome.event === 'pusher:error' || outcome.code > 1000, JSON.stringify(outcome))
  await Socket.connect(t, server)
})

test('an oversized frame closes 1009, in one piece and in fragments', async (t) => {
  const whole = await Socket.connect(t, server)
  whole.send(JSON.stringify({ event: 'x', data: 'x'.repeat(200 * 1024) }))
  assert.equal((await whole.close()).code, 1009)
  const pieces = await Socket.connect(t, server)
  for (let n = 0; n < 5; n += 1) pieces.ws.send('x'.repeat(50 * 1024), { fin: false })
  assert.equal((await pieces.close()).code, 1009)
  const fits = await Socket.connect(t, server)
  fits.send({ event: 'pusher:ping', data: { padding: 'x'.repeat(90 * 1024) } })
  assert.equal((await fits.frames.next()).event, 'pusher:pong')
})

test('bad UTF-8 closes 1007, a binary frame 1003', async (t) => {
  const invalid = await Socket.connect(t, server)
  invalid.ws.send(Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), { binary: false })
  assert.equal((await invalid.close()).code, 1007)
  const binary = await Socket.connect(t, server)
  binary.ws.send(Buffer.from('{"event":"pusher:ping"}'), { binary: true })
  assert.equal((await binary.close()).code, 1003)
})

/** A masked frame as a client sends it. */
function frame(first, payload) {
  const mask = randomBytes(4)
  const body = Buffer.from(payload).map((byte, i) => byte ^ mask[i % 4])
  return Buffer.concat([Buffer.from([first, 0x80 | body.length]), mask, body])
}

test('an unmasked frame, a reserved opcode and a cut-off frame end that socket alone', async (t) => {
  const unmasked = await Raw.connect(t, server)
  await unmasked.upgrade(server)
  unmasked.write(Buffer.from([0x81, 0x02, 0x7b, 0x7d]))
  await unmasked.end()
  const reserved = await Raw.connect(t, server)
  await reserved.upgrade(server)
  reserved.write(frame(0x83, '{}'))
  await reserved.end()
  const cut = await Raw.connect(t, server)
  await cut.upgrade(server)
  cut.write(frame(0x81, '{"event":"pusher:ping"}').subarray(0, 10))
  cut.socket.end()
  await cut.end()
  const reset = await Raw.connect(t, server)
  await reset.upgrade(server)
  reset.socket.resetAndDestroy?.()
  await (await Socket.connect(t, server)).ping()
})

test('a fragmented frame is put together', async (t) => {
  const socket = await Socket.connect(t, server)
  socket.ws.send('{"event":', { fin: false })
  socket.ws.send('"pusher:', { fin: false })
  socket.ws.send('ping"}', { fin: true })
  assert.equal((await socket.frames.next()).event, 'pusher:pong')
})

test('no more than 16 sockets listen on one record channel', async (t) => {
  const { channel_name: channel } = await subscribe(server, posts)
  const sockets = await Promise.all(Array.from({ length: 17 }, () => Socket.connect(t, server)))
  const answers = []
  for (const socket of sockets) answers.push(await socket.subscribe(channel))
  assert.deepEqual(answers.slice(0, 16).map(({ event }) => event), Array(16).fill(succeeded))
  assert.equal(answers[16].event, refused)
})

test('idle check: who answers no ping is closed 4201, who does stays', async (t) => {
  const eager = await Server.start({ env: { VELO_PUSHER_ACTIVITY_TIMEOUT: '1s', VELO_PUSHER_PONG_TIMEOUT: '5s' } })
  afterwards(t, () => eager.close())
  const silent = await Socket.connect(t, eager, { autoPong: false })
  assert.equal(silent.established.activity_timeout, 1)
  const polite = await Socket.connect(t, eager)
  const stock = pusher(t, eager)
  const id = await connected(stock)
  const gone = await Raw.connect(t, eager) // upgrades, then answers nothing at all: half open
  await gone.upgrade(eager)
  gone.write(frame(0x81, '{"event":"pusher:ping"}').subarray(0, 10))

  assert.equal((await silent.close()).code, 4201)
  await gone.end()
  assert.equal(polite.ws.readyState, 1)
  await polite.ping()
  assert.equal(await connected(stock), id)
})
