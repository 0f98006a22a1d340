// What a reading of the code against the documents once found wrong, each under its symptom.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Server } from './support/server.mjs'
import { Socket } from './support/socket.mjs'
import { listen, pusher } from './support/clients.mjs'
import { asSuperuser, assertEvent, assertRefused, collection, create, open, subscribe, tokenOf, unique, update } from './support/velo.mjs'

let server
before(async () => {
  server = await Server.start()
})
after(() => server?.close())

test('a repeated ingest finds its first results though a collection was made in between', async () => {
  const here = await collection(server)
  const later = unique('later')
  const changes = [here, later].map((name) => ({ collection: name, action: 'created', record: { id: 'r' } }))
  const post = (key) =>
    server.request('POST', '/api/realtime/changes', asSuperuser({ json: changes, headers: { 'Idempotency-Key': `${key}-${here}` } }))
  const first = await post('once')
  assert.equal(first.status, 207)
  assert.equal(first.body.accepted, 1)
  await collection(server, { name: later })
  const second = await post('once')
  assert.equal(second.status, 207)
  assert.deepEqual(second.body, first.body)
  assert.equal((await post('again')).body.accepted, 2) // another key is another request
})

test('a record that is larger than an outbox reaches a client that keeps up', async (t) => {
  const posts = await collection(server)
  const events = await listen(pusher(t, server), (await subscribe(server, posts)).channel_name)
  const text = '"'.repeat(300_000) // escaped twice on its way
  await create(server, posts, { id: 'large', text })
  assertEvent(await events.next(), 'created', { id: 'large', text })
})

test('dropping the users makes no token an identity by its claims', async (t) => {
  const own = await Server.start()
  t.after(() => own.close())
  const secret = await collection(own, { rules: { ...open, list: "@request.auth.role = 'admin'" } })
  const admin = tokenOf('bob', { role: 'admin' })
  const ask = () => own.request('POST', '/api/realtime/subscribe', { token: admin, json: { collection: secret } })
  await collection(own, { name: 'users', type: 'auth' })
  await create(own, 'users', { id: 'bob', role: 'user' })
  assertRefused(await ask(), 403)
  assert.equal((await own.request('DELETE', '/api/collections/users', asSuperuser())).status, 204)
  assertRefused(await ask(), 401)
})

test('a wrong path completes the upgrade and closes 4005, so that a client stops', async (t) => {
  const socket = await Socket.open(t, server, { folder: 'nope/app' })
  assert.equal((await socket.close()).code, 4005)
})

test('who may not create learns nothing about fields', async () => {
  const closed = { list: null, view: null, create: null, update: null, delete: null }
  const locked = await collection(server, { rules: closed, hidden: ['pw'], guarded: ['role'] })
  for (const json of [{ pw: 1 }, { role: 1 }, { x: 1 }]) {
    assertRefused(await server.request('POST', `/api/collections/${locked}/records`, { json }), 401)
  }
})

test('an update shows nobody a record that the view rule hides from him', async () => {
  const posts = await collection(server, { rules: { ...open, view: null } })
  await create(server, posts, { id: 'r', note: 'private' })
  assert.deepEqual(await update(server, posts, 'r', { title: 'x' }, {}), { id: 'r' })
})

test('atomic is 1 or 0, never read as no by mistake', async () => {
  const answer = await server.request('POST', '/api/realtime/changes?atomic=yes', asSuperuser({ json: [] }))
  assertRefused(answer, 422, 'atomic')
})
