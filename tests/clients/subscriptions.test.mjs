// The subscription itself: ping, unsubscribe, the list of connections, and
// when one that nobody listens on is dropped.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Server, superuser } from './support/server.mjs'
import { listen, pusher, wireName } from './support/clients.mjs'
import { dataOf, Socket } from './support/socket.mjs'
import { afterwards, until } from './support/wait.mjs'
import { assertEvent, assertRefused, asSuperuser, collection, create, open, subscribe, tokenOf, users } from './support/velo.mjs'

let server
before(async () => {
  server = await Server.start()
  await users(server)
})
after(() => server?.close())

const owned = { ...open, list: '@request.auth.id = owner' }
const call = (name, channel_name, token, on = server) => on.request('POST', `/api/realtime/${name}`, { token, json: { channel_name } })
const uuidOf = (name) => name.slice('velo.realtime.'.length)

/** All connections, page by page. */
async function connections(on, query = {}) {
  const rows = []
  let cursor = null
  do {
    const search = new URLSearchParams({ ...query, ...(cursor && { cursor }) })
    const page = await on.expect(200, 'GET', `/api/realtime/connections?${search}`, asSuperuser())
    rows.push(...page.data)
    cursor = page.cursor
  } while (cursor !== null)
  return rows
}
const rowOf = (rows, name) => rows.find((row) => JSON.stringify(row).includes(uuidOf(name)))

test('a ping is answered ok and renews; the name goes with and without its prefix', async () => {
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts)
  const seen = rowOf(await connections(server), channel_name).last_seen_at
  for (const name of [channel_name, uuidOf(channel_name)]) {
    const answer = await call('ping', name)
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(answer.body, { status: 'ok' })
  }
  await until(async () => rowOf(await connections(server), channel_name).last_seen_at > seen, 'a later last_seen_at')
  for (const name of ['velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11', 'nonsense', 'velo.realtime.']) {
    assertRefused(await call('ping', name), [404, 422])
  }
  assertRefused(await call('ping', 'velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11'), 404)
})

test('unsubscribe ends the subscription and may be repeated', async (t) => {
  const posts = await collection(server)
  const client = pusher(t, server)
  const ended = await subscribe(server, posts)
  const events = await listen(client, ended.channel_name)
  const witness = await listen(client, (await subscribe(server, posts)).channel_name)
  await create(server, posts, { n: 1 })
  assertEvent(await events.next(), 'created', { n: 1 })
  for (let n = 0; n < 2; n += 1) assert.deepEqual((await call('unsubscribe', ended.channel_name)).body, { status: 'ok' })
  assertRefused(await call('ping', ended.channel_name), 404)
  await create(server, posts, { n: 2 })
  assert.deepEqual((await witness.take(2)).map(({ data }) => data.record.n), [1, 2])
  assert.deepEqual(events.rest, [])
  const socket = await Socket.connect(t, server)
  assert.equal(dataOf(await socket.subscribe(ended.channel_name)).status, 404)
})

test('a private channel is pinged and ended by its own identity only', async () => {
  const posts = await collection(server, { rules: owned })
  const { channel_name } = await subscribe(server, posts, { token: tokenOf('ada') })
  for (const name of ['ping', 'unsubscribe']) {
    assertRefused(await call(name, channel_name, tokenOf('eve')), 403)
    assertRefused(await call(name, channel_name), [401, 403])
  }
  assert.equal((await call('ping', channel_name, tokenOf('ada'))).status, 200)
  assert.equal((await call('unsubscribe', channel_name, tokenOf('ada'))).status, 200)
  assertRefused(await call('ping', channel_name, tokenOf('ada')), 404)
})

test('connections are listed for superusers, by collection and page by page', async () => {
  const posts = await collection(server, { rules: owned })
  const others = await collection(server)
  const names = []
  for (let n = 0; n < 5; n += 1) names.push((await subscribe(server, posts, { token: tokenOf('ada'), filter: `n = ${n}`, socket_id: '1.2' })).channel_name)
  const other = (await subscribe(server, others)).channel_name

  const rows = await connections(server, { collection: posts, limit: 2 })
  assert.equal(rows.length, 5)
  for (const name of names) assert.ok(rowOf(rows, name), name)
  assert.equal(rowOf(rows, other), undefined)
  const row = rowOf(rows, names[3])
  assert.equal(row.filter, 'n = 3')
  assert.equal(row.socket_id, '1.2')
  assert.equal(row.is_public, false)
  assert.match(JSON.stringify(row), /ada/)
  for (const field of ['last_seen_at', 'created_at']) assert.ok(row[field], field)
  assert.ok(rowOf(await connections(server), other))

  assertRefused(await server.request('GET', '/api/realtime/connections'), 401)
  assertRefused(await server.request('GET', '/api/realtime/connections', { token: tokenOf('ada') }), 403)
  for (const query of ['limit=0', 'limit=x', 'cursor=%00nonsense']) {
    assertRefused(await server.request('GET', `/api/realtime/connections?${query}`, { token: superuser }), [400, 422])
  }
})

test('stale: without socket and ping a subscription is dropped, with either it stays', async (t) => {
  const brief = await Server.start({ env: { VELO_REALTIME_STALE_AFTER: '3s' } })
  afterwards(t, () => brief.close())
  const posts = await collection(brief)
  const forgotten = (await subscribe(brief, posts)).channel_name
  const pinged = (await subscribe(brief, posts)).channel_name
  const heard = await subscribe(brief, posts)
  const events = await listen(pusher(t, brief), wireName(heard))
  await until(
    async () => {
      await brief.expect(200, 'POST', '/api/realtime/ping', { json: { channel_name: pinged } })
      return !rowOf(await connections(brief), forgotten)
    },
    'the forgotten subscription to be dropped',
    30_000,
  )
  assertRefused(await call('ping', forgotten, undefined, brief), 404)
  const rows = await connections(brief)
  assert.ok(rowOf(rows, pinged))
  assert.ok(rowOf(rows, heard.channel_name))
  await create(brief, posts, { title: 'still heard' })
  assertEvent(await events.next(), 'created', { title: 'still heard' })
})
