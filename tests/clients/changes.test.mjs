// POST /api/realtime/changes: one change, many, NDJSON, all or none.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ingestKey, Server } from './support/server.mjs'
import { connected, listen, pusher } from './support/clients.mjs'
import { asSuperuser, assertEvent, assertRefused, collection, create, list, subscribe, tokenOf, users, view } from './support/velo.mjs'

let server
before(async () => {
  server = await Server.start()
  await users(server)
})
after(() => server?.close())

const path = '/api/realtime/changes'
const ingest = (json, options = {}) => server.request('POST', `${path}${options.query ?? ''}`, { token: ingestKey, json, ...options })
const ndjson = (lines, options = {}) =>
  ingest(undefined, { raw: lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'), headers: { 'Content-Type': 'application/x-ndjson' }, ...options })
const change = (name, id, fields = {}, action = 'created') => ({ collection: name, action, record: { id, ...fields } })
const hear = async (t, name) => listen(pusher(t, server), (await subscribe(server, name)).channel_name)

test('a single change is accepted, heard and mirrored', async (t) => {
  const posts = await collection(server)
  const events = await hear(t, posts)
  const answer = await ingest(change(posts, 'one', { title: 'a' }))
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.accepted, 1)
  assert.equal(Number.isInteger(answer.body.sequence), true)
  assertEvent(await events.next(), 'created', { id: 'one', title: 'a' })
  assert.equal((await view(server, posts, 'one')).body.data.title, 'a')

  const next = await ingest(change(posts, 'one', { title: 'b' }, 'updated'))
  assert.ok(next.body.sequence > answer.body.sequence)
  assertEvent(await events.next(), 'updated', { id: 'one', title: 'b' })
  assert.equal((await view(server, posts, 'one')).body.data.title, 'b')
})

test('an ingested delete is judged on the last state and takes the mirrored record away', async (t) => {
  const posts = await collection(server)
  const events = await listen(pusher(t, server), (await subscribe(server, posts, { filter: 'status = open' })).channel_name)
  await ingest([change(posts, 'a', { status: 'open' }), change(posts, 'b', { status: 'closed' })])
  await ingest([change(posts, 'b', {}, 'deleted'), change(posts, 'a', {}, 'deleted')])
  assertEvent(await events.next(), 'created', { id: 'a' })
  assertEvent(await events.next(), 'deleted', { id: 'a' })
  assertRefused(await view(server, posts, 'a'), 404)
})

test('an array is accepted in order', async (t) => {
  const posts = await collection(server)
  const events = await hear(t, posts)
  const answer = await ingest([1, 2, 3].map((n) => change(posts, `r${n}`, { n })))
  assert.equal(answer.body.accepted, 3)
  assert.deepEqual((await events.take(3)).map(({ data }) => data.record.n), [1, 2, 3])
})

test('NDJSON is accepted in order, blank lines and a last line without its end included', async (t) => {
  const posts = await collection(server)
  const events = await hear(t, posts)
  const answer = await ndjson([change(posts, 'r1', { n: 1 }), '', change(posts, 'r2', { n: 2 }), change(posts, 'r3', { n: 3 })])
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.accepted, 3)
  assert.deepEqual((await events.take(3)).map(({ data }) => data.record.n), [1, 2, 3])
})

const bad = (name) => [
  { collection: 'no_such_collection', action: 'created', record: { id: 'x' } },
  { collection: name, action: 'exploded', record: { id: 'x' } },
  { collection: name, action: 'created' },
  { collection: name, action: 'created', record: [] },
  { collection: name, action: 'created', record: { id: 7 } },
  { collection: 7, action: 'created', record: { id: 'x' } },
  { action: 'created', record: { id: 'x' } },
  7,
]

test('some refused: 207 names them by index, the others are in', async (t) => {
  const posts = await collection(server)
  const events = await hear(t, posts)
  for (const send of [ingest, ndjson]) {
    const answer = await send([change(posts, 'first', { n: 1 }), ...bad(posts), change(posts, 'last', { n: 2 })])
    assert.equal(answer.status, 207, answer.text)
    assert.equal(answer.body.accepted, 2)
    assert.deepEqual(answer.body.errors.map(({ index }) => index), bad(posts).map((_, i) => i + 1))
    for (const { message } of answer.body.errors) assert.equal(typeof message, 'string')
    assert.deepEqual((await events.take(2)).map(({ data }) => data.record.n), [1, 2])
  }
})

test('one refused object is 422', async () => {
  const posts = await collection(server)
  for (const one of bad(posts)) assertRefused(await ingest(one), [400, 422])
  const answer = await ingest(bad(posts)[0])
  assertRefused(answer, 422, 'collection')
})

test('atomic: all or none', async (t) => {
  const posts = await collection(server)
  const events = await hear(t, posts)
  const refused = await ingest([change(posts, 'a'), bad(posts)[1], change(posts, 'b')], { query: '?atomic=1' })
  assert.equal(refused.status, 422, refused.text)
  assert.deepEqual((await list(server, posts)).data, [])
  const answer = await ingest([change(posts, 'c'), change(posts, 'd')], { query: '?atomic=1' })
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.accepted, 2)
  assert.deepEqual((await events.take(2)).map(({ data }) => data.record.id), ['c', 'd'])
})

test('the socket that caused a change is left out, by header or by member', async (t) => {
  const posts = await collection(server)
  const client = pusher(t, server)
  const id = await connected(client)
  const events = await listen(client, (await subscribe(server, posts, { socket_id: id })).channel_name)
  const witness = await hear(t, posts)
  await ingest({ ...change(posts, 'a'), socket_id: id })
  await ingest(change(posts, 'b'), { headers: { 'X-Socket-ID': id } })
  await ingest(change(posts, 'c'))
  assertEvent(await events.next(), 'created', { id: 'c' })
  assert.deepEqual((await witness.take(3)).map(({ data }) => data.record.id), ['a', 'b', 'c'])
})

test('who may: superuser and ingest key; the ingest key for nothing else and for no auth collection', async () => {
  const posts = await collection(server)
  assertRefused(await ingest(change(posts, 'x'), { token: undefined }), 401)
  assertRefused(await ingest(change(posts, 'x'), { token: tokenOf('ada') }), 403)
  assert.equal((await ingest(change(posts, 'x'), asSuperuser())).status, 200)
  assertRefused(await ingest(change('users', 'root', { role: 'admin' })), [403, 422])
  assert.equal((await view(server, 'users', 'root')).status, 404)
  assertRefused(await server.request('GET', '/api/realtime/connections', { token: ingestKey }), [401, 403])
  assert.equal((await ingest(change('users', 'by-superuser'), asSuperuser())).status, 200)
})

test('unreadable bodies: 400, and nothing is in', async () => {
  const posts = await collection(server)
  const json = { 'Content-Type': 'application/json' }
  for (const raw of ['', '{', '[', `[${JSON.stringify(change(posts, 'x'))}`, '{"a":1}x', '\xff\xfe']) {
    assertRefused(await ingest(undefined, { raw: Buffer.from(raw, 'latin1'), headers: json }), [400, 422])
  }
  const answer = await ndjson([change(posts, 'x'), '{"collection":', change(posts, 'y')])
  assert.ok([207, 400, 422].includes(answer.status), answer.text)
  if (answer.status === 207) assert.deepEqual(answer.body.errors.map(({ index }) => index), [1])
  else assert.deepEqual((await list(server, posts)).data, [])
})

test('`mirror: false` keeps no records, and the change is heard', async (t) => {
  const posts = await collection(server, { mirror: false })
  const events = await hear(t, posts)
  await ingest(change(posts, 'passing', { title: 'a' }))
  assertEvent(await events.next(), 'created', { title: 'a' })
  assertRefused(await view(server, posts, 'passing'), 404)
  await ingest({ ...change(posts, 'passing', {}, 'deleted'), old_record: { id: 'passing', title: 'a' } })
  assertEvent(await events.next(), 'deleted', { id: 'passing' })
})

test('records and ingested changes share one sequence of events', async (t) => {
  const posts = await collection(server)
  const events = await hear(t, posts)
  await create(server, posts, { id: 'a' })
  await ingest(change(posts, 'b'))
  await create(server, posts, { id: 'c' })
  assert.deepEqual((await events.take(3)).map(({ data }) => data.record.id), ['a', 'b', 'c'])
})
