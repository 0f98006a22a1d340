// What answers say to browsers and what the log keeps to itself: security headers,
// CORS, the access log, secrets, and the modes of files.
import assert from 'node:assert/strict'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { app, ingestKey, jwtSecret, Server, superuser, temporaryDirectory } from './support/server.mjs'
import { official, Receiver, serverWith } from './support/apps.mjs'
import { connected, pusher } from './support/clients.mjs'
import { jwt } from './support/http.mjs'
import { sign, Socket } from './support/socket.mjs'
import { withTls } from './support/tls.mjs'
import { afterwards, until } from './support/wait.mjs'
import { collection, create, users } from './support/velo.mjs'

async function started(t, options) {
  const server = await Server.start(options)
  afterwards(t, () => server.close())
  return server
}

test('every answer is taken for what it says, is framed nowhere and is not kept', async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  await create(server, posts, { title: 'a' })
  for (const [method, path, options, status] of [
    ['GET', `/api/collections/${posts}/records`, { token: superuser }, 200],
    ['GET', '/no/such/path', {}, 404],
    ['GET', '/metrics', {}, 200],
    ['GET', `/apps/${app.id}/channels`, {}, 401],
  ]) {
    const answer = await server.request(method, path, options)
    assert.equal(answer.status, status, path)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', path)
    assert.equal(answer.headers['x-frame-options'], 'DENY', path)
    assert.match(answer.headers['content-security-policy'], /default-src 'none'; frame-ancestors 'none'/, path)
    assert.equal(answer.headers['cache-control'], 'no-store', path)
    assert.equal(answer.headers['strict-transport-security'], undefined, path)
  }
})

test('TLS that others can reach asks browsers to stay with it; not beside a plain listener', async (t) => {
  const hsts = async (server) => (await server.request('GET', '/up')).headers['strict-transport-security']
  const open = { args: ['--host', '0.0.0.0'] }
  const there = async (server) => Object.assign(server, { url: server.url.replace('0.0.0.0', '127.0.0.1') })
  assert.equal(await hsts(await there(await started(t, withTls(open)))), 'max-age=31536000')
  assert.equal(await hsts(await started(t, withTls())), undefined) // a developer's machine
  assert.equal(await hsts(await there(await started(t, withTls({ ...open, env: { VELO_TLS_HSTS: '0s' } })))), undefined)
  const config = join(temporaryDirectory(), 'velo.toml')
  writeFileSync(config, 'listeners = [{ host = "0.0.0.0", port = 0 }]\n')
  const both = await there(await started(t, withTls({ args: ['--host', '0.0.0.0', '--config', config] })))
  assert.equal(await hsts(both), undefined)
})

test('CORS: the configured origins, and never with credentials', async (t) => {
  const headersOf = async (server, origin, method = 'GET') =>
    (await server.request(method, '/up', { headers: { Origin: origin, ...(method === 'OPTIONS' && { 'Access-Control-Request-Method': 'GET' }) } })).headers
  const everybody = await started(t)
  const some = await started(t, { env: { VELO_CORS_ORIGINS: 'https://a.example' } })
  for (const method of ['GET', 'OPTIONS']) {
    assert.equal((await headersOf(everybody, 'https://b.example', method))['access-control-allow-origin'], '*')
    assert.equal((await headersOf(some, 'https://a.example', method))['access-control-allow-origin'], 'https://a.example')
    assert.equal((await headersOf(some, 'https://b.example', method))['access-control-allow-origin'], undefined)
    for (const server of [everybody, some])
      assert.equal((await headersOf(server, 'https://a.example', method))['access-control-allow-credentials'], undefined)
  }
})

test('/metrics is for this machine, or for who has the token', async (t) => {
  const env = { VELO_METRICS_TOKEN: 'metrics-token-of-the-tests' }
  const local = await started(t, { env })
  assert.equal((await local.request('GET', '/metrics')).status, 200)
  // A proxy on this machine lets others in.
  for (const name of ['X-Forwarded-For', 'Forwarded'])
    assert.equal((await local.request('GET', '/metrics', { headers: { [name]: '127.0.0.1' } })).status, 401)
  const open = await started(t, { env, args: ['--host', '0.0.0.0'] })
  open.url = open.url.replace('0.0.0.0', '127.0.0.1')
  assert.equal((await open.request('GET', '/metrics')).status, 401)
  assert.equal((await open.request('GET', '/metrics', { token: 'wrong' })).status, 401)
  assert.equal((await open.request('GET', '/metrics', { token: env.VELO_METRICS_TOKEN })).status, 200)
  assert.equal((await open.request('GET', '/metrics', { token: superuser })).status, 200)
})

test('the access log has a line for each request, with its id', async (t) => {
  const env = { VELO_LOG_ACCESS: 'true', VELO_LOG_FORMAT: 'json', VELO_TRUSTED_PROXIES: '127.0.0.0/8' }
  const server = await started(t, { env })
  const { headers } = await server.request('GET', '/up?token=secret-in-a-query', {
    headers: { 'X-Forwarded-For': '198.51.100.1', 'X-Request-Id': 'mine-1' },
  })
  assert.equal(headers['x-request-id'], 'mine-1')
  const entries = () => server.log.split('\n').filter((line) => line.includes('"request_id"')).map((line) => JSON.parse(line))
  const find = (id) => until(() => entries().find(({ request_id }) => request_id === id), `the line of ${id}`)
  const line = await find('mine-1')
  assert.deepEqual(
    { ...line, time: '', bytes: 0, microseconds: 0 },
    { time: '', level: 'info', address: '198.51.100.1', method: 'GET', path: '/up', status: 200, bytes: 0, microseconds: 0, request_id: 'mine-1' },
  )
  assert.ok(line.bytes > 0 && line.microseconds >= 0)
  const missing = await server.request('GET', '/no/"such\\path')
  assert.equal((await find(missing.headers['x-request-id'])).status, 404)
  await Socket.connect(t, server, { headers: { 'X-Request-Id': 'socket-1' } })
  assert.equal((await find('socket-1')).status, 101)
  for (const text of server.log.split('\n').filter((l) => l.startsWith('{'))) JSON.parse(text)

  const text = await started(t, { env: { VELO_LOG_ACCESS: 'true' } })
  await text.request('GET', '/up', { headers: { 'X-Request-Id': 'mine-2' } })
  await until(() => / info 127\.0\.0\.1 GET \/up 200 \d+B \d+us mine-2$/m.test(text.log), 'the line as text')
  const quiet = await started(t)
  await quiet.request('GET', '/up', { headers: { 'X-Request-Id': 'mine-3' } })
  await quiet.stop()
  assert.doesNotMatch(quiet.log, /mine-3/)
})

test('a whole session at the most talkative level writes no secret', async (t) => {
  const receiver = await Receiver.start(t, { answers: [500] })
  const hooks = await Receiver.start(t)
  const webhook = { url: `${receiver.url}?key=secret-in-a-url`, events: ['channel_occupied'], headers: { 'X-Secret': 'secret-in-a-header' } }
  const server = await serverWith(t, [{ ...app, webhooks: [webhook] }], {
    configured: { VELO_SUPERUSER_TOKEN: superuser, VELO_INGEST_KEY: ingestKey, VELO_JWT_SECRET: jwtSecret },
    env: {
      VELO_LOG_LEVEL: 'trace', VELO_LOG_ACCESS: 'true', VELO_METRICS_TOKEN: 'metrics-token-of-the-tests', VELO_WEBHOOKS_DELAY: '1ms', VELO_WEBHOOKS_RETRY_FIRST: '1ms',
      VELO_HOOKS_URL: `${hooks.url}?key=secret-in-a-url`, VELO_HOOKS_EVENTS: 'record.created', VELO_HOOKS_SECRET: 'secret-of-the-hooks',
    },
  })
  await users(server)
  const posts = await collection(server, { rules: { list: "@request.auth.id != ''", view: '', create: "@request.auth.id != ''", update: null, delete: null } })
  const token = jwt({ sub: 'user-1', collection: 'users' }, jwtSecret)
  const forged = jwt({ sub: 'user-1' }, 'another-secret-of-thirty-two-bytes-or-more')
  await server.request('GET', `/api/collections/${posts}/records`, { token })
  await server.request('GET', `/api/collections/${posts}/records`, { token: forged })
  await server.request('GET', '/metrics', { token: 'metrics-token-of-the-tests' })
  await server.request('POST', '/api/realtime/changes', { token: ingestKey, json: { collection: posts, action: 'created', record: { id: 'r1', password: 'password-of-a-record' } } })
  const socket = await Socket.connect(t, server)
  const signature = sign(socket.id, 'private-room')
  await socket.subscribe('private-room', signature)
  await socket.subscribe('private-other', `${app.key}:${'0'.repeat(64)}`)
  const answer = await server.request('POST', '/api/realtime/subscribe', { token, json: { collection: posts, socket_id: socket.id } })
  assert.equal(answer.status, 200, answer.text)
  const auth = await server.request('POST', '/api/broadcasting/auth', { token, form: { socket_id: socket.id, channel_name: `private-${answer.body.channel_name}` } })
  assert.equal(auth.status, 200, auth.text)
  await socket.subscribe(`private-${answer.body.channel_name}`, auth.body.auth)
  const client = pusher(t, server, { token })
  await connected(client)
  await official(server).trigger('private-room', 'hello', { text: 'payload-of-an-event' })
  await official(server).get({ path: '/channels' })
  await server.request('GET', `/apps/${app.id}/channels?auth_key=${app.key}&auth_signature=${'ab'.repeat(32)}&auth_timestamp=1&auth_version=1.0`)
  await server.request('GET', '/up', { headers: { Authorization: `Basic ${superuser}` } })
  client.disconnect()
  // The first is refused with 500, which the log may tell of.
  await receiver.requests.next()
  assert.equal((await receiver.requests.next()).headers['x-secret'], 'secret-in-a-header')
  const signed = (await hooks.requests.next()).headers['x-pusher-signature']
  await server.stop()
  assert.match(server.log, /GET \/up 200/) // it did talk
  for (const [name, secret] of Object.entries({
    'the superuser token': superuser, 'the ingest key': ingestKey, "the app's secret": app.secret, 'the JWT secret': jwtSecret,
    'the metrics token': 'metrics-token-of-the-tests', 'a token': token.split('.')[2], 'a forged token': forged.split('.')[2],
    "a channel's signature": signature.split(':')[1], 'a signature of ours': auth.body.auth.split(':')[1], 'a signature in a query': 'ab'.repeat(32),
    'the secret of hooks': 'secret-of-the-hooks', 'the signature of a hook': signed, "a webhook's header": 'secret-in-a-header', "a URL's query": 'secret-in-a-url',
    'a record': 'password-of-a-record', 'an event': 'payload-of-an-event', 'a query': 'auth_signature',
  })) {
    assert.equal(server.log.includes(secret), false, `${name} is in the log`)
  }
})

test('the data directory and what is in it belong to one user', async (t) => {
  const data = join(temporaryDirectory(), 'data')
  const generated = await started(t, { data, configured: {} })
  const mode = (path) => statSync(path).mode & 0o777
  assert.equal(mode(data), 0o700)
  assert.equal(mode(join(data, 'secrets.json')), 0o600)
  await generated.stop()
  const other = join(temporaryDirectory(), 'data')
  const configured = await started(t, { data: other })
  await collection(configured)
  assert.equal(mode(other), 0o700)
  for (const name of readdirSync(other, { recursive: true })) {
    const path = join(other, name)
    assert.equal(mode(path) & 0o077, 0, `${name} is open to others`)
  }
})

test('an app that names its origins refuses sockets of other pages', async (t) => {
  const config = join(temporaryDirectory(), 'velo.toml')
  writeFileSync(config, `[[apps]]\nid = "${app.id}"\nkey = "${app.key}"\nsecret = "${app.secret}"\nallowed_origins = ["https://a.example"]\n`)
  const server = await started(t, { args: ['--config', config] })
  await Socket.connect(t, server, { origin: 'https://a.example' })
  assert.equal((await (await Socket.open(t, server, { origin: 'https://evil.example' })).close()).code, 4009)
})
