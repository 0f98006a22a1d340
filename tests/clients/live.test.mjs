// What a subscriber may see is decided by the rule, the user and the record as
// they are now: rule changes, changes of users, deleted users, last states.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Server } from './support/server.mjs'
import { connected, echo, echoListen, listen, pusher, wireName } from './support/clients.mjs'
import { asSuperuser, assertEvent, assertRefused, collection, create, open, remove, setRules, subscribe, tokenOf, unique, update, users } from './support/velo.mjs'

let server
before(async () => {
  server = await Server.start()
  await users(server)
})
after(() => server?.close())

/** A user stored in `users`, with a token and a connected client. */
async function storedUser(t, fields = {}) {
  const user = await create(server, 'users', { id: unique('u').replaceAll('.', ''), ...fields })
  const token = tokenOf(user.id)
  return { ...user, token, client: pusher(t, server, { token }) }
}

const listenOn = async (user, name, body = {}) =>
  listen(user.client, wireName(await subscribe(server, name, { token: user.token, ...body })))

test("live auth: a change of a user's role applies to the next change", async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.role = audience' } })
  const user = await storedUser(t, { role: 'reader' })
  const events = await listenOn(user, posts)
  const write = (audience, title) => create(server, posts, { audience, title })

  await write('reader', 'as reader')
  await write('admin', 'not yet')
  await update(server, 'users', user.id, { role: 'admin' })
  await write('reader', 'no longer')
  await write('admin', 'as admin')
  await update(server, 'users', user.id, { role: null })
  await write('admin', 'nor this')
  await update(server, 'users', user.id, { role: 'reader' })
  await write('reader', 'reader again')
  const titles = (await events.take(3)).map(({ data }) => data.record.title)
  assert.deepEqual(titles, ['as reader', 'as admin', 'reader again'])
})

test('live auth: a role rule decides who may subscribe, by the stored user', async (t) => {
  const posts = await collection(server, { rules: { ...open, list: "@request.auth.role = 'admin'" } })
  const user = await storedUser(t, { role: 'reader' })
  const ask = (token) => server.request('POST', '/api/realtime/subscribe', { token, json: { collection: posts } })
  assertRefused(await ask(user.token), 403)
  assertRefused(await ask(tokenOf(user.id, { role: 'admin' })), 403) // what the token claims is not the record
  assertRefused(await ask(), 401)
  await update(server, 'users', user.id, { role: 'admin' })
  const events = await listenOn(user, posts)
  await create(server, posts, { title: 'for admins' })
  assertEvent(await events.next(), 'created', { title: 'for admins' })
})

test("live auth: a quote in a user's attribute is a value, never syntax", async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.team = team' } })
  const user = await storedUser(t, { team: "x' OR 'a' = 'a" })
  const events = await listenOn(user, posts)
  await create(server, posts, { team: 'y', title: 'not hers' })
  await create(server, posts, { team: user.team, title: 'hers' })
  assertEvent(await events.next(), 'created', { title: 'hers' })
})

test('claims are the identity of a user who is not stored', async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.team = team' } })
  const id = unique('claims')
  const client = pusher(t, server, { token: tokenOf(id, { team: 'red' }) })
  const events = await listen(client, wireName(await subscribe(server, posts, { token: tokenOf(id, { team: 'red' }) })))
  await create(server, posts, { team: 'blue', title: 'blue' })
  await create(server, posts, { team: 'red', title: 'red' })
  assertEvent(await events.next(), 'created', { title: 'red' })
  // A newer token of the same user rebinds what that user listens to.
  await subscribe(server, posts, { token: tokenOf(id, { team: 'blue', iat: Math.floor(Date.now() / 1000) + 1 }) })
  await create(server, posts, { team: 'red', title: 'red again' })
  await create(server, posts, { team: 'blue', title: 'blue again' })
  assertEvent(await events.next(), 'created', { title: 'blue again' })
})

test('a rule change ends public subscriptions that would now be private: 403 rule_changed', async (t) => {
  const posts = await collection(server)
  const { echo: guest } = echo(t, server)
  const { echo: user } = echo(t, server, { token: tokenOf('ada') })
  const inboxes = [
    await echoListen(guest, await subscribe(server, posts)),
    await echoListen(user, await subscribe(server, posts, { token: tokenOf('ada') })), // still allowed, but its name is no secret
  ]
  const witness = pusher(t, server, { token: tokenOf('bob') })
  await setRules(server, posts, { ...open, list: '@request.auth.id != ""' })
  for (const inbox of inboxes) {
    const error = await inbox.errors.next()
    assert.equal(error.status, 403)
    assert.match(JSON.stringify(error), /rule_changed/)
  }
  // Nothing comes after the end: the guest's client hears a new subscription's event only there.
  const after = await listen(witness, wireName(await subscribe(server, posts, { token: tokenOf('bob') })))
  await create(server, posts, { title: 'secret' })
  assertEvent(await after.next(), 'created', { title: 'secret' })
  const plain = await collection(server)
  const [guestNow, userNow] = await Promise.all([guest, user].map(async (client) => echoListen(client, await subscribe(server, plain))))
  await create(server, plain, { title: 'sentinel' })
  for (const inbox of [guestNow, userNow]) assertEvent(await inbox.next(), 'created', { title: 'sentinel' })
  for (const inbox of inboxes) assert.deepEqual(inbox.rest, [])
})

test('a rule change applies to live private subscriptions at once', async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id = owner' } })
  const token = tokenOf('ada')
  const events = await listen(pusher(t, server, { token }), wireName(await subscribe(server, posts, { token })))
  await create(server, posts, { owner: 'ada', title: 'owned' })
  await setRules(server, posts, { ...open, list: '@request.auth.id = editor' })
  await create(server, posts, { owner: 'ada', title: 'only owned' })
  await create(server, posts, { editor: 'ada', title: 'edited' })
  assertEvent(await events.next(), 'created', { title: 'owned' })
  assertEvent(await events.next(), 'created', { title: 'edited' })
  assert.deepEqual(events.errors.rest, [])
})

test('a rule change ends private subscriptions it no longer allows', async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id != ""' } })
  const token = tokenOf('ada')
  const events = await listen(pusher(t, server, { token }), wireName(await subscribe(server, posts, { token })))
  await setRules(server, posts, { ...open, list: null })
  assert.equal((await events.errors.next()).status, 403)
})

test('a subscription that listens to nothing yet obeys a rule change as well', async (t) => {
  const posts = await collection(server)
  const answer = await subscribe(server, posts)
  await setRules(server, posts, { ...open, list: null })
  const client = pusher(t, server)
  await connected(client)
  const error = await new Promise((resolve) => client.subscribe(answer.channel_name).bind('pusher:subscription_error', resolve))
  assert.ok([403, 404].includes(error.status), JSON.stringify(error))
})

test('a deleted user: subscriptions end with 401 and the token is refused', async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id != ""' } })
  const user = await storedUser(t)
  const events = await listenOn(user, posts)
  await create(server, posts, { title: 'before' })
  assertEvent(await events.next(), 'created', { title: 'before' })

  await remove(server, 'users', user.id)
  assert.equal((await events.errors.next()).status, 401)
  assertRefused(await server.request('POST', '/api/realtime/subscribe', { token: user.token, json: { collection: posts } }), 401)
  assertRefused(await server.request('GET', `/api/collections/${posts}/records`, { token: user.token }), 401)
  await server.restart()
  assertRefused(await server.request('GET', `/api/collections/${posts}/records`, { token: user.token }), 401)
})

test('deletes are judged on the last state of the record', async (t) => {
  const posts = await collection(server)
  const client = pusher(t, server)
  const events = await listen(client, (await subscribe(server, posts, { filter: 'status = open' })).channel_name)
  const closed = await create(server, posts, { status: 'open', title: 'closed later' })
  const stays = await create(server, posts, { status: 'new', title: 'opened later' })
  await update(server, posts, closed.id, { status: 'closed' })
  await update(server, posts, stays.id, { status: 'open' })
  await remove(server, posts, closed.id)
  await remove(server, posts, stays.id)
  assertEvent(await events.next(), 'created', { id: closed.id })
  assertEvent(await events.next(), 'updated', { id: stays.id })
  assertEvent(await events.next(), 'deleted', { id: stays.id, status: 'open', title: 'opened later' })
})

test('@action tells the rule and the filter what happened', async (t) => {
  const posts = await collection(server)
  const events = await listen(pusher(t, server), (await subscribe(server, posts, { filter: "@action = 'deleted'" })).channel_name)
  const record = await create(server, posts, { title: 'short-lived' })
  await update(server, posts, record.id, { title: 'still' })
  await remove(server, posts, record.id)
  assertEvent(await events.next(), 'deleted', { id: record.id })
})

test('hidden fields are in no event, and hiding one ends filters that name it', async (t) => {
  const posts = await collection(server, { hidden: ['secret'] })
  const client = pusher(t, server)
  const events = await listen(client, (await subscribe(server, posts)).channel_name)
  const record = await create(server, posts, { title: 'a', secret: 's', rank: 1 })
  await update(server, posts, record.id, { secret: 't' })
  await remove(server, posts, record.id)
  for (const { data } of await events.take(3)) {
    assert.equal('secret' in data.record, false)
    assert.equal(data.record.title, 'a')
  }
  const byRank = await listen(client, (await subscribe(server, posts, { filter: 'rank > 0' })).channel_name)
  await server.expect(200, 'PATCH', `/api/collections/${posts}`, asSuperuser({ json: { hidden: ['secret', 'rank'] } }))
  assert.equal((await byRank.errors.next()).status, 403)
  await create(server, posts, { title: 'b', rank: 2 })
  const next = await events.next()
  assert.deepEqual(Object.keys(next.data.record).sort(), ['created', 'id', 'title', 'updated'])
})

test('dropping a collection ends its subscriptions', async (t) => {
  const posts = await collection(server)
  const events = await listen(pusher(t, server), (await subscribe(server, posts)).channel_name)
  await server.expect(204, 'DELETE', `/api/collections/${posts}`, asSuperuser())
  assert.ok([403, 404].includes((await events.errors.next()).status))
})
