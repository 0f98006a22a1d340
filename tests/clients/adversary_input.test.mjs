// Input that is meant to hurt, each once, and how it is refused; what it costs others at
// line rate is in adversary.test.mjs.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { bomb, deepFrames, deepRequests, noNumbers, packed, paths, smuggled, smuggling } from './support/hostile.mjs'
import { app, Server, superuser } from './support/server.mjs'
import { dataOf, Raw, Socket } from './support/socket.mjs'
import { afterwards, until } from './support/wait.mjs'
import { assertRefused, asSuperuser, collection, open, subscribe, tokenOf, users, view } from './support/velo.mjs'
import { MiB, resident } from './support/well_behaved.mjs'

// So that what is refused for its length alone is let go of while a test waits.
const limits = { VELO_LIMITS_HEADER_TIMEOUT: '1s', VELO_LIMITS_BODY_TIMEOUT: '1s' }

async function started(t) {
  const server = await Server.start({ env: limits })
  afterwards(t, () => server.close())
  return server
}

// -- what is said ----------------------------------------------------------------------

const asJson = (raw, more = {}) => asSuperuser({ raw, headers: { 'Content-Type': 'application/json', ...more } })

test('JSON nested a hundred thousand deep is refused wherever JSON is read', { timeout: 60_000 }, async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  for (const [method, path, body] of deepRequests(posts)) assertRefused(await server.request(method, path, asJson(body)), 400)
  const socket = await Socket.connect(t, server)
  for (const text of deepFrames) {
    socket.send(text)
    assert.equal(dataOf(await socket.frames.find(({ event }) => event === 'pusher:error')).code, 4300)
  }
  await socket.ping()
  // The tallest that is taken comes back whole.
  assert.equal((await server.request('POST', `/api/collections/${posts}/records`, asJson(`{"a":${'['.repeat(20)}${']'.repeat(20)}}`))).status, 201)
})

test('numbers beyond every type are refused or kept as what they can be', { timeout: 60_000 }, async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  const send = (number) => server.request('POST', `/api/collections/${posts}/records`, asJson(`{"n":${number}}`))
  for (const number of noNumbers) assertRefused(await send(number), 400)
  for (const number of ['18446744073709551616', '-9223372036854775809', '1e308', '5e-324', '1e-999', `0.${'1'.repeat(10_000)}`, '-0']) {
    const answer = await send(number)
    assert.equal(answer.status, 201, number)
    assert.equal(answer.body.data.n, Number(number) === 0 ? answer.body.data.n : Number(number), number)
  }
  const path = `/api/collections/${posts}/records`
  for (const query of ['page=99999999999999999999', 'page=4294967297', 'per_page=-1', 'per_page=1e3', 'page=50000&per_page=500'])
    assertRefused(await server.request('GET', `${path}?${query}`, asSuperuser()), 422)
  const { channel_name } = await subscribe(server, posts)
  assertRefused(await server.request('GET', `/api/realtime/events?channel_name=${channel_name}&after=99999999999999999999`), 422)
  for (const since of ['-1', '1e300', '1.5', '"1"']) assertRefused(await server.request('POST', '/api/realtime/subscribe', asJson(`{"collection":"${posts}","since":${since}}`)), 422)
  for (const filter of [`n = ${'9'.repeat(400)}`, `n = 1${'0'.repeat(3000)}`, 'n = 1e999']) {
    const { status } = await server.request('POST', '/api/realtime/subscribe', { json: { collection: posts, filter } })
    assert.ok([200, 422].includes(status), `${filter.slice(0, 20)}: ${status}`)
  }
  for (const expires_at of ['1e300', '-1', '0']) assertRefused(await server.request('POST', '/api/realtime/revoke', asJson(`{"token_id":"t","expires_at":${expires_at}}`)), 422)
  await server.expect(200, 'GET', '/up')
})

test('of duplicate keys the one that is judged is the one that is kept', { timeout: 60_000 }, async (t) => {
  const server = await started(t)
  await users(server)
  const owned = '@request.auth.id = owner'
  const posts = await collection(server, { rules: { ...open, create: owned, update: owned }, guarded: ['role'], hidden: ['secret'] })
  const path = `/api/collections/${posts}/records`
  const send = (method, at, raw, user = 'ada') => server.request(method, at, { ...asJson(raw), token: tokenOf(user) })
  // The last one counts, for the rule as for the record.
  assertRefused(await send('POST', path, '{"owner":"ada","owner":"bob"}'), 403)
  const kept = await send('POST', path, '{"id":"first","id":"second","owner":"bob","owner":"ada","a":{"b":1},"a":{"c":2}}')
  assert.equal(kept.status, 201, kept.text)
  assert.deepEqual([kept.body.data.id, kept.body.data.owner, kept.body.data.a], ['second', 'ada', { c: 2 }])
  assert.equal((await view(server, posts, 'first')).status, 404)
  // A key is the same however it is escaped.
  assertRefused(await send('PATCH', `${path}/second`, '{"owner":"ada","\\u006fwner":"bob"}'), 403)
  for (const text of ['{"role":"admin","role":null}', '{"\\u0072ole":"admin"}', '{"secret":1,"secret":2}']) assertRefused(await send('PATCH', `${path}/second`, text), 422)
  assert.equal((await view(server, posts, 'second')).body.data.role, undefined)
  // A collection that is named twice is the last one, for rules and for where it goes.
  const closed = await collection(server, { rules: { list: null } })
  assert.equal((await send('POST', '/api/realtime/subscribe', `{"collection":"${posts}","collection":"${closed}"}`)).status, 403)
  // Two identities are none.
  const raw = await Raw.connect(t, server)
  raw.write(`GET /api/collections HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${superuser}\r\nAuthorization: Bearer ${superuser}\r\n\r\n`)
  assert.match(await raw.until(/\r\n\r\n/), /^HTTP\/1\.1 401 /)
  const socket = await Socket.connect(t, server)
  socket.send('{"event":"pusher:subscribe","event":"pusher:ping","data":{"channel":"x"}}')
  assert.equal((await socket.frames.next()).event, 'pusher:pong')
})

// -- requests in requests ----------------------------------------------------------------

for (const [what, head, status] of smuggling) {
  test(`smuggling: ${what} is refused, and nothing behind it is a request`, { timeout: 60_000 }, async (t) => {
    const server = await shared(t)
    const raw = await Raw.connect(t, server)
    raw.socket.write(head + smuggled, 'latin1')
    await raw.end()
    const text = raw.received.toString('latin1')
    const answers = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code))
    assert.equal(answers.length, 1, text)
    assert.ok([status].flat().includes(answers[0]), text)
    assert.match(text, /\r\nConnection: close\r\n/i)
    assert.doesNotMatch(text, /smuggled/)
  })
}

test('smuggling: what a chunked trailer names is no header', { timeout: 60_000 }, async (t) => {
  const server = await shared(t)
  const raw = await Raw.connect(t, server)
  raw.write(`${'GET /api/collections HTTP/1.1\r\nHost: a\r\n'}Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer ${superuser}\r\n\r\n`)
  assert.match(await raw.until(/HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/), /^HTTP\/1\.1 401 /)
})

test('smuggling: what a client gives as its id or origin adds no header to the answer', { timeout: 60_000 }, async (t) => {
  const server = await shared(t)
  for (const [name, value] of [['X-Request-Id', 'a%0d%0aX-Evil: 1'], ['X-Request-Id', 'x'.repeat(65)], ['Origin', 'https://a.example%0d%0aX-Evil: 1']]) {
    const { headers } = await server.request('GET', '/up', { headers: { [name]: value } })
    assert.equal(headers['x-evil'], undefined)
    assert.notEqual(headers['x-request-id'], value)
  }
})

let one
async function shared() {
  one ??= await Server.start({ env: limits })
  return one
}
test.after?.(() => one?.close())

// -- files and archives ------------------------------------------------------------------

test('no path reads a file', { timeout: 60_000 }, async (t) => {
  const server = await shared(t)
  const raw = await Raw.connect(t, server)
  // As written: an HTTP library would take the dots away.
  raw.socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''))
  const count = () => [...raw.received.toString('latin1').matchAll(/HTTP\/1\.1 (\d+) /g)]
  await until(() => count().length >= paths.length, `${paths.length} answers`)
  const statuses = count().map(([, code]) => Number(code))
  assert.equal(statuses.length, paths.length)
  paths.forEach((path, at) => assert.ok([400, 401, 404, 405, 426].includes(statuses[at]), `${path} is answered ${statuses[at]}`))
  assert.doesNotMatch(raw.received.toString('latin1'), /root:|PATH=|superuser|\[apps\]/)
  // Absolute targets, and those of a proxy, are no way around.
  for (const target of ['http://127.0.0.1/etc/passwd', 'file:///etc/passwd', '*', '127.0.0.1:80']) {
    const other = await Raw.connect(t, server)
    other.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
    await other.end()
    assert.match(other.received.toString(), /^HTTP\/1\.1 40[04] /, target)
  }
})

test('deflate is never agreed on, and a compressed frame is refused unread', { timeout: 60_000 }, async (t) => {
  const server = await shared(t)
  for (const offer of ['permessage-deflate', 'permessage-deflate; client_max_window_bits; server_no_context_takeover', 'permessage-deflate; server_max_window_bits=8, permessage-deflate', 'x-webkit-deflate-frame', 'permessage-bzip2']) {
    const raw = await Raw.connect(t, server)
    raw.write(
      `GET /app/${app.key}?protocol=7 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Extensions: ${offer}\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    assert.doesNotMatch(await raw.until(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/), /Sec-WebSocket-Extensions/i)
    await raw.until(/connection_established/)
    assert.ok(bomb.length < 65_536)
    const before = resident(server)
    raw.write(bomb)
    await raw.end()
    assert.ok(raw.received.includes(Buffer.from([1002 >> 8, 1002 & 255])), 'close 1002')
    assert.ok(resident(server) - before < 16 * MiB)
  }
})

test('a compressed body is not unpacked', { timeout: 60_000 }, async (t) => {
  const server = await shared(t)
  const before = resident(server)
  for (const coding of ['gzip', 'deflate', 'br'])
    assertRefused(await server.request('POST', '/api/realtime/subscribe', { raw: packed, headers: { 'Content-Type': 'application/json', 'Content-Encoding': coding } }), [400, 415])
  assert.ok(resident(server) - before < 16 * MiB)
})
