// A subscription outlives the server's process: stock clients come back by
// themselves and go on on the channel they had.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Server } from './support/server.mjs'
import { broadcasters, connected, echo, echoListen, listen, pusher, wireName } from './support/clients.mjs'
import { assertEvent, collection, create, open, remove, subscribe, tokenOf, users } from './support/velo.mjs'

const patient = 20_000
let server
before(async () => {
  server = await Server.start()
  await users(server)
})
after(() => server?.close())

test('after a restart on the same data directory clients go on on their channels', async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id = owner' } })
  const openPosts = await collection(server)
  const token = tokenOf('ada')
  const plain = pusher(t, server, { token })
  const inboxes = [await listen(plain, wireName(await subscribe(server, posts, { token, filter: 'n > 1' })))]
  for (const broadcaster of broadcasters) {
    const { echo: client } = echo(t, server, { broadcaster, token })
    inboxes.push(await echoListen(client, await subscribe(server, posts, { token, filter: 'n > 1' })))
  }
  const guest = await listen(pusher(t, server), (await subscribe(server, openPosts)).channel_name)
  const before = await connected(plain)
  const record = await create(server, posts, { n: 2, owner: 'ada', title: 'before' })
  for (const inbox of inboxes) assertEvent(await inbox.next(), 'created', { title: 'before' })

  await server.restart()
  for (const inbox of [...inboxes, guest]) await inbox.successes.next(patient)
  assert.notEqual(await connected(plain), before)

  // Filter, rule and identity are those from before; nobody subscribed anew.
  await create(server, posts, { n: 1, owner: 'ada', title: 'filtered' })
  await create(server, posts, { n: 2, owner: 'bob', title: 'not hers' })
  await create(server, posts, { n: 3, owner: 'ada', title: 'after' })
  await remove(server, posts, record.id)
  await create(server, openPosts, { title: 'for guests' })
  for (const inbox of inboxes) {
    // What was not acknowledged before the server ended comes again.
    assertEvent(await inbox.find(({ data }) => data.record.title !== 'before'), 'created', { title: 'after' })
    assertEvent(await inbox.next(), 'deleted', { id: record.id })
    assert.deepEqual(inbox.errors.rest, [])
  }
  assertEvent(await guest.next(), 'created', { title: 'for guests' })
})

test('after kill -9 too', async (t) => {
  const posts = await collection(server)
  const events = await listen(pusher(t, server), (await subscribe(server, posts)).channel_name)
  await server.crash()
  await server.again()
  await events.successes.next(patient)
  await create(server, posts, { title: 'after' })
  assertEvent(await events.next(), 'created', { title: 'after' })
})

test('a channel that was unsubscribed stays gone after a restart', async (t) => {
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts)
  await server.expect(200, 'POST', '/api/realtime/unsubscribe', { json: { channel_name } })
  await server.restart()
  await server.expect(404, 'POST', '/api/realtime/ping', { json: { channel_name } })
})
