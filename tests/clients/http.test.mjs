// The HTTP edge: bad input, limits, CORS, idempotency, and what every answer carries.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { jwtSecret, Server, superuser } from './support/server.mjs'
import { jwt } from './support/http.mjs'
import { Raw } from './support/socket.mjs'
import { listen, pusher } from './support/clients.mjs'
import { asSuperuser, assertEvent, assertRefused, collection, create, list, open, saying, subscribe, tokenOf, users } from './support/velo.mjs'

let server
let posts
before(async () => {
  server = await Server.start({ env: { VELO_LIMITS_HEADER_TIMEOUT: '1s' } })
  await users(server)
  posts = await collection(server, { hidden: ['secret'] })
})
after(() => server?.close())

const asJson = { 'Content-Type': 'application/json' }
const post = (path, options) => server.request('POST', path, options)
const subscribeWith = (json, token) => post('/api/realtime/subscribe', { json, token })

test('GET /up is 200 once serving', async () => {
  assert.equal((await server.request('GET', '/up')).status, 200)
})

test('every answer carries an X-Request-Id of its own, refusals too', async () => {
  const seen = new Set()
  for (const [method, path] of [['GET', '/up'], ['GET', '/nowhere'], ['DELETE', '/up'], ['POST', '/api/realtime/subscribe'], ['OPTIONS', '/api/realtime/subscribe']]) {
    const id = (await server.request(method, path)).headers['x-request-id']
    assert.match(id ?? '', /^[\w.-]{8,}$/, `${method} ${path}`)
    seen.add(id)
  }
  assert.equal(seen.size, 5)
})

test('an unknown path is 404 with a message', async () => {
  for (const path of ['/api', '/api/nothing', '/api/realtime', '/apps', '/api/collections/x/other', '/%00', '//api/collections']) {
    assertRefused(await server.request('GET', path, asSuperuser()), [400, 404])
  }
})

test('a wrong method is 405 with Allow', async () => {
  for (const [method, path, allowed] of [
    ['GET', '/api/realtime/subscribe', ['POST']],
    ['DELETE', '/api/realtime/changes', ['POST']],
    ['POST', '/api/realtime/connections', ['GET']],
    ['PUT', '/api/collections', ['GET', 'POST']],
    ['POST', `/api/collections/${posts}/records/x`, ['GET', 'PATCH', 'PUT', 'DELETE']],
    ['POST', '/up', ['GET']],
    ['GET', '/api/broadcasting/auth', ['POST']],
  ]) {
    const answer = await server.request(method, path, asSuperuser())
    assertRefused(answer, 405)
    const allow = (answer.headers.allow ?? '').split(/\s*,\s*/)
    for (const one of allowed) assert.ok(allow.includes(one), `${method} ${path}: Allow: ${answer.headers.allow}`)
    assert.equal(allow.includes(method), false)
  }
})

test('a body of another type is 415', async () => {
  for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x']) {
    for (const path of ['/api/realtime/subscribe', '/api/realtime/changes', `/api/collections/${posts}/records`]) {
      assertRefused(await post(path, asSuperuser({ raw: JSON.stringify({ collection: posts }), headers: { 'Content-Type': type } })), 415)
    }
  }
  const charset = await post('/api/realtime/subscribe', { raw: JSON.stringify({ collection: posts }), headers: { 'Content-Type': 'application/json; charset=utf-8' } })
  assert.equal(charset.status, 200, charset.text)
})

test('malformed JSON is 400', async () => {
  const bodies = ['{', '{"collection":', "{'a':1}", '{"a":1,}', 'nul', '{"a":01}', '"\\ud800', '{"a":1}{"b":2}', '[1', '\u0000', '{"n":1e999}']
  for (const path of ['/api/realtime/subscribe', `/api/collections/${posts}/records`, '/api/collections']) {
    for (const raw of bodies) assertRefused(await post(path, asSuperuser({ raw, headers: asJson })), raw.includes('1e999') ? [400, 422] : 400)
  }
  const badUtf8 = Buffer.concat([Buffer.from('{"title":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])
  assertRefused(await post(`/api/collections/${posts}/records`, asSuperuser({ raw: badUtf8, headers: asJson })), 400)
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  assertRefused(await post(`/api/collections/${posts}/records`, asSuperuser({ raw: deep, headers: asJson })), [400, 422])
  assert.equal((await server.request('GET', '/up')).status, 200)
})

test('wrong types are 422 and name the field', async () => {
  for (const value of [7, null, true, [], {}]) assertRefused(await subscribeWith({ collection: value }), 422, 'collection')
  for (const value of [7, true, [], {}]) assertRefused(await subscribeWith({ collection: posts, filter: value }), 422, 'filter')
  for (const value of [7, true, {}, 'not-a-socket-id']) assertRefused(await subscribeWith({ collection: posts, socket_id: value }), 422, 'socket_id')
  for (const json of [[], 'text', 7, null]) {
    assertRefused(await subscribeWith(json), [400, 422])
    assertRefused(await post(`/api/collections/${posts}/records`, asSuperuser({ json })), [400, 422])
  }
  for (const path of ['/api/realtime/ping', '/api/realtime/unsubscribe']) {
    assertRefused(await post(path, { json: {} }), 422, 'channel_name')
    assertRefused(await post(path, { json: { channel_name: 7 } }), 422, 'channel_name')
  }
})

test('an unknown collection is 422 on subscribe', async () => {
  assertRefused(await subscribeWith({ collection: 'no_such_collection' }), 422, 'collection')
  assertRefused(await subscribeWith({}), 422, 'collection')
})

test('a bad filter is 422 and says the column', async () => {
  for (const [filter, columns] of [
    ['a = 1)', [6]],
    ["name = 'open", [8]],
    ["größe = 'ü' x", [3, 4, 1, 13]],
    ['a = 1 OR', [7, 8, 9]],
    ['a = new york', [9]],
    ['status =', [8, 9]],
    ["a = 'x\\q'", [5, 7, 8]],
  ]) {
    const answer = await subscribeWith({ collection: posts, filter })
    assertRefused(answer, 422, 'filter')
    assert.ok(columns.some((column) => new RegExp(`\\b${column}\\b`).test(saying(answer))), `${filter}: ${answer.text}`)
  }
})

test('a filter past a limit is 422 and says the limit; one that names a hidden field is 422', async () => {
  const refused = async (filter, limit) => {
    const answer = await subscribeWith({ collection: posts, filter })
    assertRefused(answer, 422, 'filter')
    assert.match(saying(answer).replaceAll(/[,_.](?=\d{3})/g, ''), limit)
  }
  await refused(`a = '${'x'.repeat(4096)}'`, /4096/)
  await refused(`${'('.repeat(33)}a = 1${')'.repeat(33)}`, /32/)
  await refused(Array.from({ length: 257 }, (_, n) => `a=${n}`).join(' OR '), /256/)
  await refused(`a IN (${Array.from({ length: 1001 }, (_, n) => n).join(',')})`, /1000/)
  await refused(`a${'.b'.repeat(17)} = 1`, /16/)
  for (const filter of ["secret = 'x'", "@record.secret = 'x'", 'title = 1 OR secret.deep IS NULL', '@record = 1']) {
    await refused(filter, /secret|hidden|@record/)
  }
})

test('the rule decides who may subscribe: 401 for a guest, 403 for a user', async () => {
  const closed = await collection(server, { rules: { ...open, list: null } })
  const members = await collection(server, { rules: { ...open, list: "@request.auth.id = 'ada'" } })
  assertRefused(await subscribeWith({ collection: closed }), 401)
  assertRefused(await subscribeWith({ collection: closed }, tokenOf('ada')), 403)
  assertRefused(await subscribeWith({ collection: members }), 401)
  assertRefused(await subscribeWith({ collection: members }, tokenOf('bob')), 403)
  assert.equal((await subscribeWith({ collection: members }, tokenOf('ada'))).status, 200)
  assert.equal((await subscribeWith({ collection: closed }, superuser)).status, 200)
  // What an older implementation got wrong: a filter can open nothing.
  for (const filter of ['true OR', 'a = 1 OR', ') OR (true']) assertRefused(await subscribeWith({ collection: closed, filter }), [401, 422])
  assertRefused(await subscribeWith({ collection: closed, filter: 'true OR a = 1' }), 401)
})

test('is_public: not for rules about the user, not for a superuser', async () => {
  const byUser = await collection(server, { rules: { ...open, list: '@request.auth.id = owner' } })
  const isPublic = async (name, body) => (await subscribe(server, name, body)).is_public
  assert.equal(await isPublic(posts), true)
  assert.equal(await isPublic(posts, { token: tokenOf('ada') }), true)
  assert.equal(await isPublic(posts, { token: tokenOf('ada'), filter: '@request.auth.id = owner' }), false)
  assert.equal(await isPublic(posts, { token: superuser }), false)
  assert.equal(await isPublic(byUser, { token: tokenOf('ada') }), false)
})

test('a bad, expired or forged token is 401, never a guest', async () => {
  const now = Math.floor(Date.now() / 1000)
  const unsigned = jwt({ sub: 'ada' }, jwtSecret, { alg: 'none', typ: 'JWT' })
  const good = tokenOf('ada')
  const [head, , signature] = good.split('.')
  const forged = Buffer.from(JSON.stringify({ sub: 'root', exp: now + 100 })).toString('base64url')
  for (const token of [
    'x',
    'a.b.c',
    superuser.slice(0, -1),
    tokenOf('ada', { exp: now - 3600 }),
    tokenOf('ada', { nbf: now + 3600 }),
    jwt({ sub: 'ada' }, 'another secret'),
    jwt({}, jwtSecret),
    jwt({ sub: 'ada' }, jwtSecret, { alg: 'HS512', typ: 'JWT' }),
    unsigned,
    unsigned.replace(/\.[^.]*$/, '.'),
    `${head}.${forged}.${signature}`,
    good.slice(0, -3),
  ]) {
    assertRefused(await subscribeWith({ collection: posts }, token), 401)
    assertRefused(await server.request('GET', `/api/collections/${posts}/records`, { token }), 401)
  }
  assertRefused(await post('/api/realtime/subscribe', { json: { collection: posts }, headers: { Authorization: 'Basic YTpi' } }), 401)
  assert.equal((await subscribeWith({ collection: posts }, good)).status, 200)
})

test('an oversized body is 413, by its announced length and by its chunks', async (t) => {
  const path = `/api/collections/${posts}/records`
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${superuser}\r\nContent-Type: application/json\r\n`
  const announced = await Raw.connect(t, server)
  announced.write(`${head}Content-Length: 2097152\r\n\r\n{`)
  assert.match(await announced.until(/\r\n\r\n/), /^HTTP\/1\.1 413 /)

  const chunked = await Raw.connect(t, server)
  chunked.write(`${head}Transfer-Encoding: chunked\r\n\r\n`)
  const chunk = `8000\r\n${' '.repeat(0x8000)}\r\n`
  for (let sent = 0; sent < 2_000_000 && chunked.received.length === 0; sent += 0x8000) chunked.write(chunk)
  assert.match(await chunked.until(/\r\n\r\n/), /^HTTP\/1\.1 413 /)
  const fits = await create(server, posts, { text: 'x'.repeat(900_000) })
  assert.equal(fits.text.length, 900_000)
})

test('garbage, half a request and a slow head end that connection alone', async (t) => {
  const garbage = await Raw.connect(t, server)
  garbage.write('\x16\x03\x01\x02\x00\x01\x00 no http\r\n\r\n')
  await garbage.end()
  assert.match(garbage.received.toString('latin1'), /^(HTTP\/1\.1 400 [\s\S]*)?$/)

  const half = await Raw.connect(t, server)
  half.write('POST /api/realtime/subscribe HTTP/1.1\r\nHost: x\r\n')
  const longHead = await Raw.connect(t, server)
  longHead.write(`GET /up HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(200_000)}`)
  const closing = await Raw.connect(t, server)
  closing.write('POST /api/realtime/subscribe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"coll')
  closing.socket.end() // our half is closed in the middle of the body
  assert.equal((await server.request('GET', '/up')).status, 200)
  await Promise.all([half, longHead, closing].map((connection) => connection.end()))
  assert.equal((await server.request('GET', '/up')).status, 200)
})

test('a connection is kept alive for several requests', async (t) => {
  const connection = await Raw.connect(t, server)
  for (let n = 1; n <= 3; n += 1) {
    connection.write('GET /up HTTP/1.1\r\nHost: x\r\n\r\n')
    await connection.until(new RegExp(`(HTTP/1\\.1 200 [\\s\\S]*?){${n}}`))
  }
})

test('CORS: a preflight is answered for what Echo sends', async () => {
  for (const [path, method] of [['/api/broadcasting/auth', 'POST'], ['/api/realtime/subscribe', 'POST'], [`/api/collections/${posts}/records/x`, 'PATCH']]) {
    const answer = await server.request('OPTIONS', path, {
      headers: {
        Origin: 'https://app.example',
        'Access-Control-Request-Method': method,
        'Access-Control-Request-Headers': 'authorization,content-type,x-csrf-token,x-socket-id,idempotency-key',
      },
    })
    assert.ok([200, 204].includes(answer.status), `${answer.status} ${answer.text}`)
    assert.match(answer.headers['access-control-allow-origin'], /^(\*|https:\/\/app\.example)$/)
    assert.ok(answer.headers['access-control-allow-methods'].split(/\s*,\s*/).includes(method))
    const allowed = answer.headers['access-control-allow-headers'].toLowerCase().split(/\s*,\s*/)
    for (const header of ['authorization', 'content-type', 'x-csrf-token', 'x-socket-id', 'idempotency-key']) assert.ok(allowed.includes(header), header)
    assert.equal(answer.headers['access-control-allow-credentials'], undefined)
  }
  const simple = await server.request('GET', '/up', { headers: { Origin: 'https://app.example' } })
  assert.match(simple.headers['access-control-allow-origin'], /^(\*|https:\/\/app\.example)$/)
  const refusal = await server.request('GET', '/api/collections', { headers: { Origin: 'https://app.example' } })
  assert.match(refusal.headers['access-control-allow-origin'], /^(\*|https:\/\/app\.example)$/)
})

test('an idempotency key repeats the first answer; with another body it is 409', async (t) => {
  const name = await collection(server)
  const events = await listen(pusher(t, server), (await subscribe(server, name)).channel_name)
  const path = `/api/collections/${name}/records`
  const write = (key, json, header = 'Idempotency-Key', token = superuser) => post(path, { token, json, headers: { [header]: key } })
  const first = await write('key-1', { title: 'once' })
  assert.equal(first.status, 201)
  for (const header of ['Idempotency-Key', 'X-Idempotency-Key']) {
    const again = await write('key-1', { title: 'once' }, header)
    assert.equal(again.status, 201)
    assert.deepEqual(again.body, first.body)
  }
  assertRefused(await write('key-1', { title: 'other' }), 409)
  const other = await write('key-1', { title: 'other' }, 'Idempotency-Key', tokenOf('ada')) // another identity, another key
  assert.equal(other.status, 201)
  await create(server, name, { title: 'sentinel' })
  assert.deepEqual((await events.take(3)).map(({ data }) => data.record.title), ['once', 'other', 'sentinel'])

  const change = { collection: name, action: 'created', record: { id: 'ingested' } }
  const ingest = () => post('/api/realtime/changes', asSuperuser({ json: change, headers: { 'Idempotency-Key': 'key-2' } }))
  const accepted = await ingest()
  assert.deepEqual((await ingest()).body, accepted.body)
  await create(server, name, { title: 'last' })
  assertEvent(await events.next(), 'created', { id: 'ingested' })
  assertEvent(await events.next(), 'created', { title: 'last' })
})

test('an idempotency key outlives a restart, and repeats at the same time write once', async () => {
  const name = await collection(server)
  const write = () => post(`/api/collections/${name}/records`, asSuperuser({ json: { title: 'once' }, headers: { 'Idempotency-Key': 'key-3' } }))
  const answers = await Promise.all(Array.from({ length: 5 }, write))
  const done = answers.filter(({ status }) => status === 201)
  assert.ok(done.length >= 1)
  for (const { status } of answers) assert.ok([201, 409].includes(status)) // 409: the first is still under way
  assert.equal(new Set(done.map(({ body }) => body.data.id)).size, 1)
  await server.restart()
  assert.equal((await write()).body.data.id, done[0].body.data.id)
  assert.equal((await list(server, name)).data.length, 1)
})

test('a record that is too large is refused, smaller ones go on', async () => {
  const small = await Server.start({ env: { VELO_LIMITS_RECORD_BYTES: '1KiB' } })
  try {
    const name = await collection(small)
    assertRefused(await small.request('POST', `/api/collections/${name}/records`, asSuperuser({ json: { text: 'x'.repeat(2000) } })), [413, 422])
    await create(small, name, { text: 'x'.repeat(500) })
  } finally {
    await small.close()
  }
})
