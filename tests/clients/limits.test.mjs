// What one client may take, and what it is told when it takes more: each limit,
// its answer, and its count in /metrics. Whose address counts behind a proxy.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { app, jwtSecret, Server, superuser, temporaryDirectory } from './support/server.mjs'
import { jwt, request } from './support/http.mjs'
import { Raw, Socket } from './support/socket.mjs'
import { afterwards, patience, until, within } from './support/wait.mjs'
import { collection, tokenOf } from './support/velo.mjs'

/**
 * A server with these limits, and a way in that they do not concern: a Unix socket,
 * by which its counts are read.
 */
async function started(t, limits, { settings = '', env = {} } = {}) {
  const folder = temporaryDirectory()
  const socketPath = join(folder, 'velo.sock')
  const config = join(folder, 'velo.toml')
  const lines = Object.entries(limits).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
  writeFileSync(config, `${settings}\nlisteners = [{ unix = "${socketPath}" }]\n[limits]\n${lines.join('\n')}\n`)
  const server = await Server.start({ args: ['--config', config], env })
  afterwards(t, () => server.close())
  server.met = async (limit) => {
    const { status, text } = await request('GET', 'http://localhost/metrics', { socketPath })
    assert.equal(status, 200)
    return Number(new RegExp(`^velo_limits_met_total\\{limit="${limit}"\\} (\\d+)$`, 'm').exec(text)[1])
  }
  server.socketPath = socketPath
  return server
}

async function connect(t, server) {
  const socket = net.connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true })
  afterwards(t, () => socket.destroy())
  await within(patience, once(socket, 'connect'), 'a TCP connection')
  return new Raw(socket)
}

const forwardedFor = (address) => ({ 'X-Forwarded-For': address })

test('connections of one address: an answer up to twice as many, then none; a place that is free is taken', async (t) => {
  const server = await started(t, { connections_per_ip: 3 })
  const sockets = []
  for (let n = 0; n < 3; n += 1) sockets.push(await Socket.connect(t, server))
  const fourth = await Socket.open(t, server)
  const { code, reason } = await fourth.close()
  assert.equal(code, 4100)
  assert.match(reason, /Too many connections from this address/)
  const answer = await server.request('GET', '/up')
  assert.equal(answer.status, 429)
  assert.match(answer.body.message, /Too many connections from this address/)
  assert.ok(Number(answer.headers['retry-after']) >= 1)
  assert.equal(answer.headers.connection, 'close')

  // Six in all may wait for an answer; which of these is the seventh is the threads' doing.
  const held = []
  for (let n = 0; n < 4; n += 1) held.push(await connect(t, server))
  const beyond = await Promise.any(held.map((raw) => raw.end(5_000).then(() => raw)))
  assert.equal(beyond.received.length, 0)
  assert.ok((await server.met('connections_per_ip')) >= 3)

  for (const raw of held) raw.socket.destroy()
  sockets[0].ws.close()
  await sockets[0].close()
  await until(async () => {
    const socket = await Socket.open(t, server)
    return (await socket.frames.next()).event === 'pusher:connection_established'
  }, 'a free place')
})

test('behind a trusted proxy the WebSockets of each client are counted', async (t) => {
  const server = await started(t, { connections_per_ip: 1 }, { settings: 'trusted_proxies = ["127.0.0.1"]' })
  const one = { headers: forwardedFor('198.51.100.1') }
  await Socket.connect(t, server, one)
  assert.equal((await (await Socket.open(t, server, one)).close()).code, 4100)
  await Socket.connect(t, server, { headers: forwardedFor('198.51.100.2') })
  // A client's own word for it counts for nothing.
  assert.equal((await (await Socket.open(t, server, { headers: forwardedFor('203.0.113.1, 198.51.100.1') })).close()).code, 4100)
  for (let n = 0; n < 5; n += 1) assert.equal((await server.request('GET', '/up')).status, 200)
})

test('connections that are no WebSocket: an answer up to twice as many, then none; WebSockets and who is exempt go on', async (t) => {
  const server = await started(t, { http_connections: 3 })
  const first = await Socket.connect(t, server)
  const held = []
  for (let n = 0; n < 3; n += 1) held.push(await connect(t, server))
  // Each loop counts when its turn comes: until these are, another may still find a place.
  let answer
  await until(async () => (answer = await server.request('GET', '/up')).status === 503, 'a refusal')
  assert.match(answer.body.message, /too many connections/)
  assert.ok(Number(answer.headers['retry-after']) >= 1)
  const { code, reason } = await (await Socket.open(t, server)).close()
  assert.equal(code, 4100)
  assert.match(reason, /over capacity|too many connections/i)
  await first.ping()
  assert.equal((await request('GET', 'http://localhost/up', { socketPath: server.socketPath })).status, 200)
  for (let n = 0; n < 4; n += 1) held.push(await connect(t, server))
  const beyond = await Promise.any(held.map((raw) => raw.end(5_000).then(() => raw)))
  assert.equal(beyond.received.length, 0)
  assert.ok((await server.met('http_connections')) >= 3)
  for (const raw of held) raw.socket.destroy()
  await until(async () => (await server.request('GET', '/up')).status === 200, 'a free place')
})

test('new connections are paced, none is refused', async (t) => {
  const server = await started(t, { connects_per_second: 20 })
  const begun = performance.now()
  const answers = await Promise.all(Array.from({ length: 40 }, () => server.request('GET', '/up')))
  const took = performance.now() - begun
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
  assert.ok(took >= 1_500, `${took} ms`)
  assert.ok((await server.met('connects_per_second')) > 0)
})

/** Asks until it is refused; so often that no pause of the machine's refills the bucket for ever. */
async function refusedRequest(ask) {
  for (let round = 0; round < 50; round += 1) {
    const answers = await Promise.all(Array.from({ length: 20 }, ask))
    for (const answer of answers) assert.ok([200, 401, 429].includes(answer.status), answer.text)
    const refused = answers.find(({ status }) => status === 429)
    if (refused) return refused
  }
  throw new Error('nothing was refused')
}

test('requests of one address and of one token: 429 with Retry-After, until the time has passed', async (t) => {
  const server = await started(t, { requests_per_second: 2 }, { settings: 'trusted_proxies = ["127.0.0.1"]' })
  const from = (address, options = {}) => () => server.request('GET', '/up', { headers: forwardedFor(address), ...options })
  const refused = await refusedRequest(from('198.51.100.1'))
  assert.match(refused.body.message, /Too many requests from this address/)
  assert.equal(refused.headers['retry-after'], '1')
  assert.ok((await server.met('requests_per_ip')) > 0)
  assert.equal((await from('198.51.100.2')()).status, 200) // others are not concerned
  await until(async () => (await from('198.51.100.1')()).status === 200, 'the bucket to fill again')

  let n = 0
  const token = jwt({ sub: 'u1' }, jwtSecret)
  const ofToken = await refusedRequest(() => from(`203.0.113.${(n += 1) % 250}`, { token })())
  assert.match(ofToken.body.message, /Too many requests with this token/)
  assert.ok((await server.met('requests_per_token')) > 0)

  // The application's own tokens have no limit.
  for (let i = 0; i < 20; i += 1) assert.equal((await from('198.51.100.9', { token: superuser })()).status, 200)
  // An upgrade is refused by a code that its client understands.
  const socket = await until(async () => {
    const opened = await Socket.open(t, server, { headers: forwardedFor('198.51.100.7') })
    const first = await opened.frames.next()
    return first.event === 'pusher:error' && opened
  }, 'a refused upgrade')
  const { code, reason } = await socket.close()
  assert.equal(code, 4100)
  assert.match(reason, /Too many requests from this address/)
})

test('a request that is over the limit keeps its connection; one with a body does not', async (t) => {
  const server = await started(t, { requests_per_second: 1 })
  const raw = await connect(t, server)
  raw.write('GET /up HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(20))
  await raw.until(/HTTP\/1\.1 429 [\s\S]*HTTP\/1\.1 429 /)
  assert.doesNotMatch(raw.received.toString(), /Connection: close/)
  const posting = await connect(t, server)
  posting.write('GET /up HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5))
  posting.write('POST /api/realtime/subscribe HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n')
  await posting.until(/HTTP\/1\.1 429 [\s\S]*Connection: close/)
})

test('while a superuser token is rotated, neither the new nor the previous one has a limit', async (t) => {
  const server = await started(t, { requests_per_second: 1 }, { settings: 'trusted_proxies = ["127.0.0.1"]', env: { VELO_SUPERUSER_TOKEN: 'the-next-superuser-token', VELO_SUPERUSER_TOKEN_PREVIOUS: superuser } })
  let n = 0
  const ask = (token) => server.request('GET', '/api/collections', { token, headers: forwardedFor(`198.51.100.${(n += 1) % 250}`) })
  for (const token of ['the-next-superuser-token', superuser])
    for (let i = 0; i < 20; i += 1) assert.equal((await ask(token)).status, 200)
})

test('clients that are exempt have no limit', async (t) => {
  const server = await started(t, { requests_per_second: 1, connections_per_ip: 1, exempt: ['127.0.0.0/8'] })
  for (let n = 0; n < 10; n += 1) assert.equal((await server.request('GET', '/up')).status, 200)
  for (let n = 0; n < 5; n += 1) await Socket.connect(t, server)
})

test('who is no trusted proxy speaks for itself alone', async (t) => {
  const server = await started(t, { requests_per_second: 1 }, { settings: 'trusted_proxies = ["10.0.0.0/8"]', env: { VELO_LOG_ACCESS: 'true' } })
  let n = 0
  await refusedRequest(() => server.request('GET', '/up', { headers: forwardedFor(`198.51.100.${(n += 1) % 250}`) }))
  await until(() => / 127\.0\.0\.1 GET \/up 200 /.test(server.log), 'the access log')
  assert.doesNotMatch(server.log, /198\.51\.100/)
})

test('sizes: header, body and frame are refused in their own words', async (t) => {
  const server = await started(t, { header_bytes: '2KiB', body_bytes: '4KiB', frame_bytes: '1KiB' })
  const header = await server.request('GET', '/up', { headers: { 'X-Long': 'x'.repeat(3000) } })
  assert.equal(header.status, 431)
  const body = await server.request('POST', '/api/realtime/subscribe', { json: { filter: 'x'.repeat(5000) } })
  assert.equal(body.status, 413)
  const socket = await Socket.connect(t, server)
  socket.send({ event: 'pusher:subscribe', data: { channel: 'x'.repeat(2000) } })
  assert.equal((await socket.close()).code, 1009)
  assert.equal(await server.met('header_bytes'), 1)
  assert.equal(await server.met('body_bytes'), 1)
  assert.equal(await server.met('frame_bytes'), 1)
})

test('slowloris: half-open, in the header and in the body, while others are served', async (t) => {
  const server = await started(t, { header_timeout: '400ms', body_timeout: '400ms' })
  const silent = await Promise.all(Array.from({ length: 50 }, () => connect(t, server)))
  const inHeader = await connect(t, server)
  const inBody = await connect(t, server)
  inHeader.write('GET /up HTTP/1.1\r\n')
  inBody.write('POST /api/realtime/subscribe HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{')
  const timer = setInterval(() => {
    if (!inHeader.socket.destroyed) inHeader.write('X-A: b\r\n')
    if (!inBody.socket.destroyed) inBody.write(' ')
  }, 50)
  afterwards(t, () => clearInterval(timer))
  for (let n = 0; n < 10; n += 1) assert.equal((await server.request('GET', '/up')).status, 200)
  for (const slow of [inHeader, inBody]) {
    assert.match(await slow.until(/too long to arrive/), /^HTTP\/1\.1 408 /)
    await slow.end()
  }
  for (const raw of silent) await raw.end()
  assert.equal(await server.met('header_timeout'), 51)
  assert.equal(await server.met('body_timeout'), 1)
})

test('a socket that subscribes to nothing is closed where that is wanted, others are not', async (t) => {
  const server = await started(t, { first_subscription_timeout: '500ms' })
  const busy = await Socket.connect(t, server)
  await busy.subscribe('news')
  const idle = await Socket.connect(t, server)
  const { code, reason } = await idle.close()
  assert.equal(code, 4202)
  assert.match(reason, /Nothing was subscribed to in time/)
  assert.equal((await busy.ping()).event, 'pusher:pong')
  assert.equal(await server.met('first_subscription'), 1)
})

test('connections in all and subscriptions of one connection are counted where they are refused', async (t) => {
  const server = await started(t, { connections: 1, subscriptions_per_connection: 2 })
  const socket = await Socket.connect(t, server)
  assert.equal((await (await Socket.open(t, server)).close()).code, 4100)
  await socket.subscribe('one')
  await socket.subscribe('two')
  const refused = await socket.subscribe('three')
  assert.equal(refused.event, 'pusher:subscription_error')
  assert.equal(await server.met('connections'), 1)
  assert.equal(await server.met('subscriptions'), 1)
})

test('subscriptions of one user: no more than that, also after a restart; what ends frees a place', async (t) => {
  const server = await started(t, { subscriptions_per_user: 3 })
  const names = await Promise.all([1, 2, 3, 4].map(() => collection(server)))
  const [ada, bob] = [tokenOf('ada'), tokenOf('bob')]
  const ask = (token, name = names[0]) => server.request('POST', '/api/realtime/subscribe', { token, json: { collection: name } })
  /** Many at once, over all collections: how many were taken, and the channels. */
  const many = async (token) => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => ask(token, names[n % 4])))
    for (const { status, text } of answers) assert.ok([200, 429].includes(status), text)
    return answers.filter(({ status }) => status === 200).map(({ body }) => body.channel_name)
  }
  const channels = await many(ada)
  assert.equal(channels.length, 3)
  const refused = await ask(ada)
  assert.equal(refused.status, 429)
  assert.match(refused.body.message, /This user has 3 subscriptions, as many as one may have/)
  assert.equal(refused.headers['retry-after'], '300')
  assert.equal(await server.met('subscriptions_per_user'), 38)

  // Neither others nor guests nor the application are concerned.
  for (const token of [bob, undefined, undefined, undefined, undefined, superuser, superuser, superuser, superuser]) {
    assert.equal((await ask(token)).status, 200)
  }
  await server.restart()
  assert.equal((await ask(ada)).status, 429)
  assert.equal((await many(bob)).length, 2)
  assert.equal(await server.met('subscriptions_per_user'), 39)

  // What a newer token speaks for is still one.
  await server.expect(200, 'POST', '/api/realtime/refresh', { token: tokenOf('ada', { jti: 'new' }), json: { channel_name: channels[0] } })
  await server.expect(200, 'POST', '/api/realtime/unsubscribe', { token: ada, json: { channel_name: channels[0] } })
  assert.equal((await many(ada)).length, 1)
  await server.expect(200, 'POST', '/api/realtime/revoke', { token: superuser, json: { channel_name: channels[1] } })
  assert.equal((await many(ada)).length, 1)
  await server.crash()
  await server.again()
  assert.equal((await ask(ada)).status, 429)
})

test('an app that is full is counted, too', async (t) => {
  const folder = temporaryDirectory()
  const config = join(folder, 'velo.toml')
  writeFileSync(config, `[[apps]]\nid = "${app.id}"\nkey = "${app.key}"\nsecret = "${app.secret}"\nmax_connections = 1\n`)
  const server = await Server.start({ args: ['--config', config] })
  afterwards(t, () => server.close())
  await Socket.connect(t, server)
  assert.equal((await (await Socket.open(t, server)).close()).code, 4004)
  const { text } = await server.request('GET', '/metrics')
  assert.match(text, /^velo_limits_met_total\{limit="app_connections"\} 1$/m)
})

test('while clients are refused, one within the limits is served', async (t) => {
  const server = await started(t, { requests_per_second: 5 }, { settings: 'trusted_proxies = ["127.0.0.1"]' })
  await collection(server)
  await refusedRequest(() => server.request('GET', '/up', { headers: forwardedFor('198.51.100.1') }))
  const well = await server.request('GET', '/up', { headers: forwardedFor('198.51.100.2') })
  assert.equal(well.status, 200)
})
