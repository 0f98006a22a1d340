// Attacks, and a well-behaved client beside each long one: from its write over HTTP to
// its event it waits no longer than in quiet times, as far as a busy machine lets that be
// told, and the server's memory stays within what its limits add up to.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { app, Server, superuser } from './support/server.mjs'
import { attack, textFrame } from './support/attacker.mjs'
import { dataOf, Raw, Socket } from './support/socket.mjs'
import { afterwards, until } from './support/wait.mjs'
import { assertRefused, asSuperuser, collection, create, open, subscribe, tokenOf, unique, users, view } from './support/velo.mjs'

const KiB = 1024
const MiB = 1024 * KiB

// Small, so that attacks meet them while a test watches.
const limits = {
  VELO_LIMITS_HEADER_TIMEOUT: '1s',
  VELO_LIMITS_BODY_TIMEOUT: '1s',
  VELO_LIMITS_OUTBOX_BYTES: '256KiB',
  VELO_LIMITS_OUTBOX_TOTAL_BYTES: '16MiB',
  VELO_LIMITS_SOCKETS_PER_RECORD_CHANNEL: '1000',
}
const headerBytes = 16 * KiB
const frameBytes = 100 * KiB
const outboxBytes = 256 * KiB
const outboxTotalBytes = 16 * MiB
// What a connection is without what it holds; of a request that is read, Beast's parser.
const sessionBytes = 8 * KiB
// What a server that is used at all takes: caches, the log's tail, the allocator's rest.
const serverBytes = 48 * MiB

async function started(t, env = {}) {
  const server = await Server.start({ env: { ...limits, ...env } })
  afterwards(t, () => server.close())
  return server
}

const resident = ({ pid }) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * KiB
const p99 = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)]

async function met(server, limit) {
  const { text } = await server.request('GET', '/metrics')
  return Number(new RegExp(`^velo_limits_met_total\\{limit="${limit}"\\} (\\d+)$`, 'm').exec(text)[1])
}

/** A client that listens to what it writes itself over HTTP, and how long each takes. */
async function wellBehaved(t, server) {
  const name = await collection(server)
  const { channel_name } = await subscribe(server, name, { filter: "who = 'good'" })
  const socket = await Socket.connect(t, server)
  await socket.subscribe(channel_name)
  let n = 0
  const once = async () => {
    n += 1
    const begun = performance.now()
    await create(server, name, { who: 'good', n })
    const frame = await socket.frames.find(({ event }) => event === 'created')
    assert.equal(dataOf(frame).record.n, n, 'each once, and in order')
    return performance.now() - begun
  }
  /** Times of at least `count` writes, until `enough` as well; the most memory the server had meanwhile. */
  const measure = async (count, enough = () => true) => {
    const times = []
    let peak = 0
    const deadline = Date.now() + 60_000
    while (times.length < count || !(await enough())) {
      assert.ok(Date.now() < deadline, `the attack has not come to its point: ${enough}`)
      times.push(await once())
      if (times.length % 10 === 0) peak = Math.max(peak, resident(server))
    }
    return { p99: p99(times), peak, count: times.length }
  }
  return { name, channel_name, measure, once }
}

/** The second term is for a machine that others use, attackers among them: no fault of the server's. */
const allowedFor = (quiet) => Math.max(3 * quiet, quiet + 250)

/** A server with sanitizers keeps what it has freed, and has other times: it only has to live. */
function assertBounds({ p99, quiet, grown, bytes }) {
  if (process.env.VELO_SANITIZED) return
  assert.ok(p99 <= allowedFor(quiet), `p99 ${p99} ms under attack, ${quiet} ms in quiet`)
  assert.ok(grown <= bytes, `${grown} bytes more, ${bytes} are allowed`)
}

/**
 * Measures in quiet, under attack, and in quiet again. `point` says whether the attack
 * has done what it is about; `bytes` is what it may cost at most.
 */
async function survives(t, server, client, { name, options, point, bytes, samples = 150 }) {
  const before = await client.measure(samples)
  const attacking = await attack(t, name, { port: server.port, key: app.key, ...options })
  const until_ = Date.now() + 1_500
  const during = await client.measure(samples, async () => Date.now() > until_ && point(attacking.counts))
  await attacking.stop()
  const after = await client.measure(samples)
  const quiet = Math.max(before.p99, after.p99)
  const grown = during.peak - before.peak
  t.diagnostic(`${name}: p99 ${before.p99.toFixed(1)}, ${during.p99.toFixed(1)} attacked, ${after.p99.toFixed(1)} ms after; ` +
    `${(grown / MiB).toFixed(1)} of ${(bytes / MiB).toFixed(0)} MiB more; ${JSON.stringify(attacking.counts)}`)
  assertBounds({ p99: during.p99, quiet, grown, bytes })
  assert.ok(server.running)
  return attacking.counts
}

// -- who is slow -----------------------------------------------------------------------

for (const [name, options, limit] of [
  ['slow headers', { count: 1000 }, 'header_timeout'],
  ['slow upgrade', { count: 1000 }, 'header_timeout'],
  ['slow body', { count: 1000, announced: MiB }, 'body_timeout'],
  ['slow chunks', { count: 1000 }, 'body_timeout'],
]) {
  test(`slowloris: ${name} of 1,000 connections`, { timeout: 120_000 }, async (t) => {
    const server = await started(t)
    const client = await wellBehaved(t, server)
    await survives(t, server, client, {
      name,
      options,
      point: async () => (await met(server, limit)) >= options.count,
      // What has arrived, not what was announced.
      bytes: options.count * (headerBytes + sessionBytes) + serverBytes,
    })
    assert.ok((await met(server, limit)) >= options.count)
  })
}

test('10,000 sockets that say nothing, or as many as open files allow', { timeout: 180_000 }, async (t) => {
  const allowed = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))[1])
  const count = Math.min(10_000, allowed - 500)
  if (count < 10_000) t.diagnostic(`the limit of open files is ${allowed}: ${count} sockets instead of 10,000`)
  const server = await started(t, { VELO_LIMITS_HEADER_TIMEOUT: '5s' })
  const client = await wellBehaved(t, server)
  await survives(t, server, client, {
    name: 'half-open',
    options: { count, every: 60_000 },
    point: async (counts) => counts.ended >= count && (await met(server, 'header_timeout')) >= count,
    bytes: count * sessionBytes + serverBytes,
  })
})

// -- who reads nothing -----------------------------------------------------------------

test('clients that never read are sent away, again and again', { timeout: 120_000 }, async (t) => {
  const server = await started(t)
  const client = await wellBehaved(t, server)
  const flooded = await collection(server)
  const { channel_name } = await subscribe(server, flooded)
  const count = 50
  const before = await client.measure(150)
  const attacking = await attack(t, 'never reads', { port: server.port, key: app.key, count, channel: channel_name })
  const text = 'x'.repeat(60 * KiB)
  // One more write between any two: what is sent to the stuck is what makes them so.
  const during = await client.measure(150, async () => {
    await create(server, flooded, { text })
    return (await met(server, 'outbox')) >= count
  })
  await attacking.stop()
  const after = await client.measure(150)
  const quiet = Math.max(before.p99, after.p99)
  const grown = during.peak - before.peak
  const bytes = outboxTotalBytes + count * sessionBytes + serverBytes
  t.diagnostic(`p99 ${before.p99.toFixed(1)}, ${during.p99.toFixed(1)} attacked, ${after.p99.toFixed(1)} ms after; ${(grown / MiB).toFixed(1)} of ${(bytes / MiB).toFixed(0)} MiB more`)
  assertBounds({ p99: during.p99, quiet, grown, bytes })
})

// -- who says too much -----------------------------------------------------------------

const subscribing = (channel) => JSON.stringify({ event: 'pusher:subscribe', data: { channel } })
const leaving = (channel) => JSON.stringify({ event: 'pusher:unsubscribe', data: { channel } })
const uuid = '8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11'

for (const [what, options] of [
  ['pings, and reads', { texts: ['{"event":"pusher:ping"}'], reads: true }],
  ['pings, and does not read', { texts: ['{"event":"pusher:ping"}'], reads: false }],
  ['nonsense', { texts: ['{}'], reads: true }],
  ['frames of 60 KiB', { texts: [JSON.stringify({ event: 'pusher:ping', data: 'x'.repeat(60 * KiB) })], reads: true }],
  ['joining and leaving a channel', { texts: [subscribing('room'), leaving('room')], reads: true }],
  ['joining and leaving a channel, and does not read', { texts: [subscribing('room'), leaving('room')], reads: false }],
  ['joining a record channel that is none', { texts: [subscribing(`velo.realtime.${uuid}`)], reads: true }],
  ['client events', { texts: [JSON.stringify({ event: 'client-e', channel: 'private-room', data: {} })], reads: true }],
]) {
  test(`line rate over WebSocket: ${what}`, { timeout: 120_000 }, async (t) => {
    const server = await started(t)
    const client = await wellBehaved(t, server)
    const count = 4
    await survives(t, server, client, {
      name: 'line rate',
      options: { count, ...options },
      point: ({ bytes }) => bytes > MiB || options.reads === false,
      bytes: count * (outboxBytes + 2 * frameBytes + sessionBytes) + serverBytes,
    })
  })
}

for (const reads of [true, false]) {
  test(`line rate over HTTP: pipelined requests whose answers are ${reads ? '' : 'not '}read`, { timeout: 120_000 }, async (t) => {
    const server = await started(t)
    const client = await wellBehaved(t, server)
    await survives(t, server, client, {
      name: 'pipelined requests',
      options: { count: 4, reads },
      point: ({ bytes }) => bytes > (reads ? MiB : 0),
      bytes: 4 * (MiB + sessionBytes) + serverBytes,
    })
  })
}

// -- what is said ----------------------------------------------------------------------

const asJson = (raw, more = {}) => asSuperuser({ raw, headers: { 'Content-Type': 'application/json', ...more } })

test('JSON nested a hundred thousand deep is refused wherever JSON is read', async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  const depth = 100_000
  const deep = [
    '['.repeat(depth),
    '['.repeat(depth) + ']'.repeat(depth),
    '{"a":'.repeat(depth),
    `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
  ]
  for (const text of deep) {
    for (const [method, path, body] of [
      ['POST', '/api/realtime/subscribe', text],
      ['POST', '/api/realtime/subscribe', `{"collection":"${posts}","query":${text}}`],
      ['POST', '/api/realtime/changes', text],
      ['POST', '/api/realtime/changes', `{"collection":"${posts}","action":"created","record":${text}}`],
      ['POST', `/api/collections/${posts}/records`, `{"a":${text}}`],
      ['PATCH', `/api/collections/${posts}`, `{"rules":${text}}`],
    ]) assertRefused(await server.request(method, path, asJson(body)), 400)
  }
  const socket = await Socket.connect(t, server)
  // A frame has fewer bytes than a body: 40,000 levels, as an object, and within a text.
  const frame = '['.repeat(40_000)
  for (const text of [frame, `{"event":"pusher:subscribe","data":${frame}}`, JSON.stringify({ event: 'pusher:subscribe', data: frame })]) {
    socket.send(text)
    assert.equal(dataOf(await socket.frames.find(({ event }) => event === 'pusher:error')).code, 4300)
  }
  await socket.ping()
  // The tallest that is taken comes back whole.
  assert.equal((await server.request('POST', `/api/collections/${posts}/records`, asJson(`{"a":${'['.repeat(20)}${']'.repeat(20)}}`))).status, 201)
})

test('numbers beyond every type are refused or kept as what they can be', async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  const send = (number) => server.request('POST', `/api/collections/${posts}/records`, asJson(`{"n":${number}}`))
  for (const number of ['1e999', '-1e999', `1${'0'.repeat(400)}`, `-${'9'.repeat(100_000)}`, 'NaN', 'Infinity', '0x10', '01', '+1', '1.', '.5'])
    assertRefused(await send(number), 400)
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

test('of duplicate keys the one that is judged is the one that is kept', async (t) => {
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

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\nX-Request-Id: smuggled\r\n\r\n'
const post = 'POST /api/realtime/ping HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'

for (const [what, head, status] of [
  ['two lengths', `${post}Content-Length: 0\r\nContent-Length: 60\r\n\r\n`, 400],
  ['the same length twice', `${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`, 400],
  ['a list of lengths', `${post}Content-Length: 0, 60\r\n\r\n`, 400],
  ['a length and chunks', `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunks and a length', `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`, 400],
  ['two codings', `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`, 400],
  ['a list of codings', `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  ['a coding that nobody knows', `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
  ['a coding in a coat', `${post}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, [400, 501]],
  ['chunks in HTTP/1.0', `${post.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a negative length', `${post}Content-Length: -1\r\n\r\n`, 400],
  ['a signed length', `${post}Content-Length: +0\r\n\r\n`, 400],
  ['a hexadecimal length', `${post}Content-Length: 0x0\r\n\r\n`, 400],
  ['a length beyond 64 bits', `${post}Content-Length: 18446744073709551616\r\n\r\n`, 400],
  ['a length beyond the limit', `${post}Content-Length: 18446744073709551615\r\n\r\n`, [400, 413]],
  ['a space before the colon', `${post}Content-Length : 60\r\n\r\n`, 400],
  ['a folded header', `${post}X-A: b\r\n Content-Length: 60\r\n\r\n`, 400],
  ['a header folded by a tab', `${post}Content-Length:\r\n\t60\r\n\r\n`, 400],
  ['line feeds alone', post.replaceAll('\r\n', '\n') + 'Content-Length: 0\n\n', 400],
  ['one line feed alone', `${post}X-A: b\nContent-Length: 60\r\n\r\n`, 400],
  ['a carriage return alone', `${post}X-A: b\rContent-Length: 60\r\n\r\n`, 400],
  ['a zero byte in a header', `${post}X-A: b\0c\r\n\r\n`, 400],
  ['a zero byte in a name', `${post}X\0A: b\r\n\r\n`, 400],
  ['a header without a name', `${post}: b\r\n\r\n`, 400],
  ['a header without a colon', `${post}Content-Length 60\r\n\r\n`, 400],
  ['no host', 'GET /up HTTP/1.1\r\n\r\n', 400],
  ['two hosts', 'GET /up HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['a space in the target', 'GET /up HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['another version', 'GET /up HTTP/2.0\r\nHost: a\r\n\r\n', [400, 505]],
  ['a chunk size beyond 64 bits', `${post}Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n`, [400, 413]],
  ['a negative chunk size', `${post}Transfer-Encoding: chunked\r\n\r\n-1\r\n`, 400],
  ['a chunk size of words', `${post}Transfer-Encoding: chunked\r\n\r\nten\r\n`, 400],
  ['a chunk that ends elsewhere', `${post}Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n`, 400],
  ['chunks ended by line feeds', `${post}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`, 400],
]) {
  test(`smuggling: ${what} is refused, and nothing behind it is a request`, async (t) => {
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

test('smuggling: what a chunked trailer names is no header', async (t) => {
  const server = await shared(t)
  const raw = await Raw.connect(t, server)
  raw.write(`${'GET /api/collections HTTP/1.1\r\nHost: a\r\n'}Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer ${superuser}\r\n\r\n`)
  assert.match(await raw.until(/HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/), /^HTTP\/1\.1 401 /)
})

test('smuggling: what a client gives as its id or origin adds no header to the answer', async (t) => {
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

test('no path reads a file', async (t) => {
  const server = await shared(t)
  const up = ['..', '%2e%2e', '%2E%2e', '.%2e', '..%00', '%252e%252e', '..%c0%af', '..\\', '..%5c', '....//', '%c0%ae%c0%ae', '..;']
  const roots = ['', '/app', '/apps', '/api', '/api/collections', '/static', '/broadcasting', `/app/${app.key}`, '/up', '/metrics']
  const files = ['etc/passwd', 'proc/self/environ', 'secrets.json', 'data.mdb']
  const paths = [
    ...roots.flatMap((root) => up.flatMap((step) => files.map((file) => `${root}/${`${step}/`.repeat(8)}${file}`))),
    ...files.flatMap((file) => [`//${file}`, `/${file}`, `/%2f${file.replaceAll('/', '%2f')}`, `/..%2f..%2f..%2f${file.replaceAll('/', '%2f')}`, `/./${file}`, `/file:///${file}`]),
    '/index.html', '/.git/config', '/.env', '/velo.toml', '/..', '/.', '//', '/%00', '/%2e', '/~root/',
  ]
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

test('deflate is never agreed on, and a compressed frame is refused unread', async (t) => {
  const server = await shared(t)
  for (const offer of ['permessage-deflate', 'permessage-deflate; client_max_window_bits; server_no_context_takeover', 'permessage-deflate; server_max_window_bits=8, permessage-deflate', 'x-webkit-deflate-frame', 'permessage-bzip2']) {
    const raw = await Raw.connect(t, server)
    raw.write(
      `GET /app/${app.key}?protocol=7 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Extensions: ${offer}\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    assert.doesNotMatch(await raw.until(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/), /Sec-WebSocket-Extensions/i)
    await raw.until(/connection_established/)
    // 60 MiB in 60 KiB; RSV1 says that it is compressed.
    const bomb = deflateRawSync(Buffer.alloc(60 * MiB), { level: 9 })
    assert.ok(bomb.length < 65_536)
    const before = resident(server)
    raw.write(textFrame(bomb, 0xc1))
    await raw.end()
    assert.ok(raw.received.includes(Buffer.from([1002 >> 8, 1002 & 255])), 'close 1002')
    assert.ok(resident(server) - before < 16 * MiB)
  }
})

test('a compressed body is not unpacked', async (t) => {
  const server = await shared(t)
  const raw = gzipSync(Buffer.alloc(100 * MiB, ' '), { level: 9 })
  const before = resident(server)
  for (const coding of ['gzip', 'deflate', 'br'])
    assertRefused(await server.request('POST', '/api/realtime/subscribe', { raw, headers: { 'Content-Type': 'application/json', 'Content-Encoding': coding } }), [400, 415])
  assert.ok(resident(server) - before < 16 * MiB)
})
