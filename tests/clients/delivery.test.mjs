// The right clients hear of a change, and nobody else: stock clients, end to end.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Server } from './support/server.mjs'
import { broadcasters, connected, echo, echoListen, echoRefusal, inState, listen, pusher, refusal, wireName } from './support/clients.mjs'
import { asSuperuser, assertEvent, collection, create, open, remove, subscribe, tokenOf, unique, update, users } from './support/velo.mjs'

let server
before(async () => {
  server = await Server.start()
  await users(server)
})
after(() => server?.close())

const owned = { ...open, list: '@request.auth.id = owner' }

test('pusher-js on a public channel hears created, updated and deleted, with action and record alone', async (t) => {
  const posts = await collection(server)
  const answer = await subscribe(server, posts)
  assert.equal(answer.is_public, true)
  const events = await listen(pusher(t, server), answer.channel_name)

  const record = await create(server, posts, { title: 'first', tags: ['a', 'ë'], n: 9007199254740991 })
  assertEvent(await events.next(), 'created', { id: record.id, title: 'first', tags: ['a', 'ë'], n: 9007199254740991 })
  await update(server, posts, record.id, { title: 'second' })
  assertEvent(await events.next(), 'updated', { id: record.id, title: 'second', tags: ['a', 'ë'] })
  await remove(server, posts, record.id)
  assertEvent(await events.next(), 'deleted', { id: record.id })
  assert.deepEqual(events.rest, [])
})

for (const broadcaster of broadcasters) {
  test(`Echo (${broadcaster}) on a public channel hears created, updated and deleted`, async (t) => {
    const posts = await collection(server)
    const { echo: client } = echo(t, server, { broadcaster })
    const events = await echoListen(client, await subscribe(server, posts))

    const record = await create(server, posts, { title: 'first' })
    const changed = await update(server, posts, record.id, { title: 'second' })
    await remove(server, posts, record.id)
    const [created, updated, deleted] = await events.take(3)
    assertEvent(created, 'created', record)
    assertEvent(updated, 'updated', changed)
    assertEvent(deleted, 'deleted', { id: record.id })
  })

  test(`Echo (${broadcaster}) on a private channel is let in by its bearer token`, async (t) => {
    const posts = await collection(server, { rules: owned })
    const token = tokenOf('ada')
    const { echo: client } = echo(t, server, { broadcaster, token })
    const answer = await subscribe(server, posts, { token })
    assert.equal(answer.is_public, false)
    const events = await echoListen(client, answer)

    await create(server, posts, { title: 'mine', owner: 'ada' })
    assertEvent(await events.next(), 'created', { title: 'mine' })
  })

  test(`Echo's (${broadcaster}) .error() hears that a stranger is refused on somebody's private channel`, async (t) => {
    const posts = await collection(server, { rules: owned })
    const { channel_name } = await subscribe(server, posts, { token: tokenOf('ada') })
    const { echo: stranger } = echo(t, server, { broadcaster, token: tokenOf('eve') })
    assert.equal((await echoRefusal(stranger, channel_name)).status, 403)
  })

  test(`Echo's (${broadcaster}) X-Socket-ID leaves the writer out, and nobody else`, async (t) => {
    const posts = await collection(server, { rules: { ...open, list: '@request.auth.id != ""' } })
    const token = tokenOf('ada')
    const writer = echo(t, server, { broadcaster, token })
    const secondTab = echo(t, server, { broadcaster, token })
    await Promise.all([writer, secondTab].map(({ pusher: p }) => connected(p)))
    const subscribeBy = async (tab) =>
      echoListen(tab.echo, await subscribe(server, posts, { token, socket_id: tab.echo.socketId() }))
    const own = await subscribeBy(writer)
    const other = await subscribeBy(secondTab)

    const answer = await writer.http.post(`/api/collections/${posts}/records`, { title: 'written here' })
    assert.equal(answer.status, 201)
    await create(server, posts, { title: 'sentinel' })
    assertEvent(await own.next(), 'created', { title: 'sentinel' })
    assertEvent(await other.next(), 'created', { title: 'written here' })
    assertEvent(await other.next(), 'created', { title: 'sentinel' })
  })
}

test('pusher-js on a private channel is let in by its bearer token', async (t) => {
  const posts = await collection(server, { rules: owned })
  const token = tokenOf('ada')
  const answer = await subscribe(server, posts, { token })
  const events = await listen(pusher(t, server, { token }), wireName(answer))
  await create(server, posts, { title: 'mine', owner: 'ada' })
  assertEvent(await events.next(), 'created', { title: 'mine', owner: 'ada' })
})

test('two users with the rule `@request.auth.id = owner` each get their own only', async (t) => {
  const posts = await collection(server, { rules: owned })
  const inboxes = {}
  for (const name of ['ada', 'bob']) {
    const token = tokenOf(name)
    inboxes[name] = await listen(pusher(t, server, { token }), wireName(await subscribe(server, posts, { token })))
  }
  for (const [owner, title] of [['ada', 'a1'], ['bob', 'b1'], ['', 'nobody'], ['bob', 'b2'], ['ada', 'a2']]) {
    await create(server, posts, { owner, title })
  }
  await create(server, posts, { title: 'no owner' })
  for (const name of ['ada', 'bob']) await create(server, posts, { owner: name, title: 'last' })
  const titles = async (inbox, count) => (await inbox.take(count)).map(({ data }) => data.record.title)
  assert.deepEqual(await titles(inboxes.ada, 3), ['a1', 'a2', 'last'])
  assert.deepEqual(await titles(inboxes.bob, 3), ['b1', 'b2', 'last'])
})

test('a filter narrows what a client hears, a rule and a filter hold together', async (t) => {
  const posts = await collection(server, { rules: { ...open, list: 'hidden != true' } })
  const client = pusher(t, server)
  const all = await listen(client, (await subscribe(server, posts)).channel_name)
  const cheap = await listen(client, (await subscribe(server, posts, { filter: 'price < 10 OR free = true' })).channel_name)
  for (const record of [
    { n: 1, price: 5 },
    { n: 2, price: 50 },
    { n: 3, price: 50, free: true },
    { n: 4, price: 1, hidden: true },
    { n: 5, price: 9 },
  ]) {
    await create(server, posts, record)
  }
  const numbers = (events) => events.map(({ data }) => data.record.n)
  assert.deepEqual(numbers(await cheap.take(3)), [1, 3, 5])
  assert.deepEqual(numbers(await all.take(4)), [1, 2, 3, 5])
})

test('one client listens on several subscriptions of one collection at a time', async (t) => {
  const posts = await collection(server)
  const client = pusher(t, server)
  const inboxes = []
  for (const n of [1, 2, 3]) {
    inboxes.push(await listen(client, (await subscribe(server, posts, { filter: `n >= ${n}` })).channel_name))
  }
  await create(server, posts, { n: 2 })
  await create(server, posts, { n: 3 })
  const numbers = (inbox, count) => inbox.take(count).then((events) => events.map(({ data }) => data.record.n))
  assert.deepEqual(await numbers(inboxes[0], 2), [2, 3])
  assert.deepEqual(await numbers(inboxes[1], 2), [2, 3])
  assert.deepEqual(await numbers(inboxes[2], 1), [3])
})

test("pusher-js: a stranger's token and a guest are refused on somebody's private channel", async (t) => {
  const posts = await collection(server, { rules: owned })
  const name = wireName(await subscribe(server, posts, { token: tokenOf('ada') }))
  assert.equal((await refusal(pusher(t, server, { token: tokenOf('eve') }), name)).status, 403)
  assert.ok([401, 403].includes((await refusal(pusher(t, server), name)).status))
})

test("somebody else's socket id in a write silences nobody", async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id != ""' } })
  const ada = pusher(t, server, { token: tokenOf('ada') })
  const victim = await connected(ada)
  const answer = await subscribe(server, posts, { token: tokenOf('ada'), socket_id: victim })
  const events = await listen(ada, wireName(answer))

  const headers = { 'X-Socket-ID': victim }
  await create(server, posts, { title: 'by eve' }, { token: tokenOf('eve'), headers })
  assertEvent(await events.next(), 'created', { title: 'by eve' })
  await create(server, posts, { title: 'by a guest' }, { headers })
  assertEvent(await events.next(), 'created', { title: 'by a guest' })
  // The superuser writes on behalf of the application, whose users name their sockets.
  await create(server, posts, { title: 'by the application' }, asSuperuser({ headers }))
  await create(server, posts, { title: 'sentinel' })
  assertEvent(await events.next(), 'created', { title: 'sentinel' })
})

test('exclude-self holds for updates and deletes, and for subscriptions that named no socket', async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id != ""' } })
  const token = tokenOf('ada')
  const client = pusher(t, server, { token })
  const id = await connected(client)
  const events = await listen(client, wireName(await subscribe(server, posts, { token })))
  const own = { token, headers: { 'x-socket-id': id } }
  const record = await create(server, posts, { title: 'one' })
  await update(server, posts, record.id, { title: 'two' }, own)
  await remove(server, posts, record.id, own)
  await create(server, posts, { title: 'sentinel' })
  assertEvent(await events.next(), 'created', { title: 'one' })
  assertEvent(await events.next(), 'created', { title: 'sentinel' })
})

test('pusher-js with an unknown key is told 4001 and does not come back', async (t) => {
  const client = pusher(t, server, { key: 'no-such-key' })
  let error
  client.connection.bind('error', (what) => (error = what))
  await inState(client, 'disconnected')
  assert.equal(error?.data?.code ?? error?.error?.data?.code, 4001)
})

test('a collection is named by its id as well', async (t) => {
  const name = unique('by_id')
  const { data } = await server.expect([200, 201], 'POST', '/api/collections', asSuperuser({ json: { name, rules: open } }))
  const events = await listen(pusher(t, server), (await subscribe(server, data.id)).channel_name)
  await create(server, data.id, { title: 'here' })
  assertEvent(await events.next(), 'created', { title: 'here' })
})
