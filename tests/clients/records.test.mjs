// Collections/{c}/records: create, read, list, update, delete, and who may.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Server } from './support/server.mjs'
import { listen, pusher } from './support/clients.mjs'
import { afterwards } from './support/wait.mjs'
import { asSuperuser, assertEvent, assertRefused, collection, create, list, open, remove, saying, subscribe, tokenOf, update, users, view } from './support/velo.mjs'

let server
before(async () => {
  server = await Server.start()
  await users(server)
})
after(() => server?.close())

const timestamp = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z$/
const ada = { token: tokenOf('ada') }
const bob = { token: tokenOf('bob') }
const titles = ({ data }) => data.map(({ title }) => title)

test('a record is created, viewed, changed and deleted', async () => {
  const posts = await collection(server)
  const record = await create(server, posts, { title: 'one', nested: { list: [1, 'zwei', null, 2.5] } })
  assert.match(record.id, /^[a-z0-9]{15}$/)
  assert.match(record.created, timestamp)
  assert.match(record.updated, timestamp)
  assert.deepEqual((await view(server, posts, record.id)).body.data, record)

  const changed = await update(server, posts, record.id, { title: 'two' })
  assert.deepEqual({ ...changed, updated: record.updated }, { ...record, title: 'two' })
  assert.ok(changed.updated > record.updated, `${changed.updated} after ${record.updated}`)
  const put = await server.expect(200, 'PUT', `/api/collections/${posts}/records/${record.id}`, asSuperuser({ json: { extra: 1 } }))
  assert.equal(put.data.title, 'two') // PUT is as PATCH
  assert.equal(put.data.extra, 1)

  await remove(server, posts, record.id)
  assertRefused(await view(server, posts, record.id), 404)
  assertRefused(await server.request('DELETE', `/api/collections/${posts}/records/${record.id}`, asSuperuser()), 404)
  assertRefused(await server.request('PATCH', `/api/collections/${posts}/records/${record.id}`, asSuperuser({ json: {} })), 404)
})

test('`updated` strictly increases per record, however fast it is changed', async () => {
  const posts = await collection(server)
  const { id, updated } = await create(server, posts, { n: 0 })
  const stamps = [updated]
  for (let n = 1; n <= 20; n += 1) stamps.push((await update(server, posts, id, { n })).updated)
  assert.deepEqual(stamps, [...new Set(stamps)].sort())
})

test("an id may be given; a taken one is 409, a bad one 422, the server's times are its own", async () => {
  const posts = await collection(server)
  const record = await create(server, posts, { id: 'My-own_id', created: '1999', updated: '1999' })
  assert.equal(record.id, 'My-own_id')
  assert.match(record.created, timestamp)
  assert.match(record.updated, timestamp)
  const post = (json) => server.request('POST', `/api/collections/${posts}/records`, asSuperuser({ json }))
  assertRefused(await post({ id: 'My-own_id' }), 409)
  for (const id of ['', 'a b', 'ä', 'a/b', 'x'.repeat(65), 7, null, {}]) {
    const answer = await post({ id })
    if (id === null || id === '') assert.ok([201, 422].includes(answer.status), answer.text)
    else assertRefused(answer, 422, 'id')
  }
  const other = await update(server, posts, record.id, { id: record.id, title: 'same id' })
  assert.equal(other.title, 'same id')
})

test('a list is filtered, sorted and paged', async () => {
  const posts = await collection(server)
  for (let n = 1; n <= 7; n += 1) await create(server, posts, { title: `t${n}`, n, even: n % 2 === 0, group: n > 4 ? 'b' : 'a' })

  assert.deepEqual(titles(await list(server, posts, { filter: 'even = true', sort: 'n' })), ['t2', 't4', 't6'])
  assert.deepEqual(titles(await list(server, posts, { sort: '-group,n' })), ['t5', 't6', 't7', 't1', 't2', 't3', 't4'])
  assert.deepEqual(titles(await list(server, posts, { sort: '-n', filter: "group = 'a' AND n > 1" })), ['t4', 't3', 't2'])

  const first = await list(server, posts, { sort: 'n', per_page: 3 })
  assert.deepEqual(titles(first), ['t1', 't2', 't3'])
  assert.deepEqual(first.meta, { page: 1, per_page: 3, total: 7 })
  assert.equal(first.links.prev, null)
  assert.equal(typeof first.links.next, 'string')
  const third = await list(server, posts, { sort: 'n', per_page: 3, page: 3 })
  assert.deepEqual(titles(third), ['t7'])
  assert.equal(third.links.next, null)
  assert.equal(typeof third.links.prev, 'string')
  assert.deepEqual(titles(await list(server, posts, { sort: 'n', per_page: 3, page: 9 })), [])

  const next = new URL(first.links.next, server.url)
  const second = await server.expect(200, 'GET', next.pathname + next.search, asSuperuser())
  assert.deepEqual(titles(second), ['t4', 't5', 't6'])
})

test('a page ends at limits.page_bytes by cursor, and says so by number', async (t) => {
  const small = await Server.start({ env: { VELO_LIMITS_PAGE_BYTES: '4KiB' } })
  afterwards(t, () => small.close())
  const posts = await collection(small)
  for (let n = 0; n < 10; n += 1) await create(small, posts, { n, text: 'x'.repeat(1000) })
  const path = `/api/collections/${posts}/records?sort=n`
  const refused = await small.request('GET', path)
  assertRefused(refused, 422, 'per_page')
  assert.match(refused.text, /4096 bytes/)
  assert.equal((await small.expect(200, 'GET', `${path}&per_page=3&page=2`)).data.length, 3)
  const seen = []
  for (let next = `${path}&cursor=`, pages = 0; next; pages += 1) {
    assert.ok(pages < 10)
    const { data, links } = await small.expect(200, 'GET', next)
    assert.ok(data.length <= 3)
    seen.push(...data.map(({ n }) => n))
    next = links.next
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('per_page is 30 unless asked for, and 500 at most', async () => {
  const posts = await collection(server)
  const body = Array.from({ length: 31 }, (_, n) => JSON.stringify({ collection: posts, action: 'created', record: { id: `r${n}`, n } })).join('\n')
  await server.expect(200, 'POST', '/api/realtime/changes', asSuperuser({ raw: body, headers: { 'Content-Type': 'application/x-ndjson' } }))
  const page = await list(server, posts)
  assert.equal(page.data.length, 30)
  assert.deepEqual(page.meta, { page: 1, per_page: 30, total: 31 })
  const path = `/api/collections/${posts}/records`
  const big = await server.request('GET', `${path}?per_page=501`, asSuperuser())
  assert.ok(big.status === 422 || big.body.meta.per_page === 500, big.text)
  for (const query of ['per_page=0', 'per_page=-1', 'per_page=x', 'page=0', 'page=1.5']) {
    assertRefused(await server.request('GET', `${path}?${query}`, asSuperuser()), [400, 422])
  }
})

test('a cursor pages without counting and meets every record once', async () => {
  const posts = await collection(server)
  const expected = []
  for (let n = 0; n < 11; n += 1) expected.push((await create(server, posts, { n, title: `t${n}` })).id)
  const seen = []
  let cursor = ''
  for (let pages = 0; cursor !== null && pages < 10; pages += 1) {
    const page = await list(server, posts, { per_page: 4, cursor })
    seen.push(...page.data.map(({ id }) => id))
    const next = page.meta?.cursor ?? page.cursor ?? page.links?.next ?? null
    cursor = next === null ? null : (new URL(next, server.url).searchParams.get('cursor') ?? next)
  }
  assert.deepEqual(seen.sort(), expected.sort())
})

test('a bad filter or sort of a list is 422 with its column or name', async () => {
  const posts = await collection(server, { hidden: ['secret'] })
  const ask = (query, who) => server.request('GET', `/api/collections/${posts}/records?${new URLSearchParams(query)}`, who)
  const bad = await ask({ filter: 'a = 1)' }, ada)
  assertRefused(bad, 422, 'filter')
  assert.match(saying(bad), /\b6\b/)
  assertRefused(await ask({ filter: "secret = 'x'" }, ada), 422, 'filter')
  assertRefused(await ask({ sort: 'secret' }, ada), 422, 'sort')
  assertRefused(await ask({ sort: 'a b' }, ada), 422, 'sort')
})

test('the list rule is a filter, the view rule hides: 404', async () => {
  const rules = { ...open, list: '@request.auth.id = owner', view: '@request.auth.id = owner' }
  const posts = await collection(server, { rules })
  const mine = await create(server, posts, { owner: 'ada', title: 'a' })
  await create(server, posts, { owner: 'bob', title: 'b' })
  assert.deepEqual(titles(await list(server, posts, {}, ada)), ['a'])
  assert.deepEqual(titles(await list(server, posts, {}, bob)), ['b'])
  assert.deepEqual(titles(await list(server, posts, { sort: 'title' })), ['a', 'b'])
  assert.equal((await view(server, posts, mine.id, ada)).status, 200)
  assertRefused(await view(server, posts, mine.id, bob), 404)
  assertRefused(await view(server, posts, mine.id, {}), 404)
  assertRefused(await view(server, posts, 'no-such-record', ada), 404)
})

test('create is judged on the resulting record, delete on the stored one', async () => {
  const own = '@request.auth.id = owner'
  const posts = await collection(server, { rules: { ...open, create: own, delete: own } })
  const post = (who, owner) => server.request('POST', `/api/collections/${posts}/records`, { ...who, json: { owner } })
  assertRefused(await post(ada, 'bob'), 403)
  assertRefused(await post({}, 'ada'), [401, 403])
  const { data } = (await post(ada, 'ada')).body
  const drop = (who) => server.request('DELETE', `/api/collections/${posts}/records/${data.id}`, who)
  assertRefused(await drop(bob), [403, 404])
  assertRefused(await drop({}), [401, 403, 404])
  assert.equal((await view(server, posts, data.id)).status, 200)
  assert.equal((await drop(ada)).status, 204)
})

test('update must hold on the stored and on the resulting record', async () => {
  const posts = await collection(server, { rules: { ...open, update: '@request.auth.id = owner' } })
  const { id } = await create(server, posts, { owner: 'ada', title: 'mine' })
  const patch = (who, json) => server.request('PATCH', `/api/collections/${posts}/records/${id}`, { ...who, json })
  assertRefused(await patch(bob, { title: 'taken' }), [403, 404])
  assertRefused(await patch(bob, { owner: 'bob' }), [403, 404]) // would hold on the result alone
  assertRefused(await patch(ada, { owner: 'bob' }), [403, 404]) // holds on the stored one alone
  assertRefused(await patch({}, { title: 'x' }), [401, 403, 404])
  const kept = (await view(server, posts, id)).body.data
  assert.equal(kept.owner, 'ada')
  assert.equal(kept.title, 'mine')
  assert.equal((await patch(ada, { title: 'still mine' })).status, 200)
})

test('a null rule lets superusers in and nobody else', async () => {
  const posts = await collection(server, { rules: { list: null, view: null, create: null, update: null, delete: null } })
  const { id } = await create(server, posts, { title: 'x' })
  const path = `/api/collections/${posts}/records`
  for (const [method, at, json] of [['GET', path], ['POST', path, {}], ['PATCH', `${path}/${id}`, {}], ['DELETE', `${path}/${id}`]]) {
    const user = await server.request(method, at, { ...ada, json })
    const guest = await server.request(method, at, { json })
    const emptyList = method === 'GET' ? [200] : []
    if (user.status === 200) assert.deepEqual(user.body.data, [])
    else assertRefused(user, [403, 404])
    if (guest.status === 200) assert.deepEqual([guest.body.data, emptyList], [[], [200]])
    else assertRefused(guest, [401, 403, 404])
  }
  assertRefused(await view(server, posts, id, ada), [403, 404])
  assert.equal((await view(server, posts, id)).status, 200)
})

test('guarded fields are written by superusers only: 422', async () => {
  const posts = await collection(server, { guarded: ['role'], rules: open })
  const post = (json, who) => server.request('POST', `/api/collections/${posts}/records`, { ...who, json })
  assertRefused(await post({ title: 'x', role: 'admin' }, ada), 422, 'role')
  const { data } = (await post({ title: 'x' }, ada)).body
  for (const method of ['PATCH', 'PUT']) {
    assertRefused(await server.request(method, `/api/collections/${posts}/records/${data.id}`, { ...ada, json: { role: 'admin' } }), 422, 'role')
  }
  assert.equal((await update(server, posts, data.id, { role: 'editor' })).role, 'editor')
  assert.equal((await view(server, posts, data.id, ada)).body.data.role, 'editor') // guarded is not hidden
})

test('hidden fields leave for superusers only, and are written by them only', async () => {
  const posts = await collection(server, { hidden: ['secret'] })
  const { id, secret } = await create(server, posts, { title: 'x', secret: 's' })
  assert.equal(secret, 's')
  assert.equal((await view(server, posts, id)).body.data.secret, 's')
  assert.equal((await list(server, posts)).data[0].secret, 's')
  for (const who of [ada, {}]) {
    assert.equal('secret' in (await view(server, posts, id, who)).body.data, false)
    assert.equal('secret' in (await list(server, posts, {}, who)).data[0], false)
    const answer = await server.request('PATCH', `/api/collections/${posts}/records/${id}`, { ...who, json: { title: 'y' } })
    assert.equal(answer.status, 200)
    assert.equal('secret' in answer.body.data, false)
    assertRefused(await server.request('PATCH', `/api/collections/${posts}/records/${id}`, { ...who, json: { secret: 'mine' } }), 422, 'secret')
  }
  assert.equal((await view(server, posts, id)).body.data.secret, 's')
})

test('an event leaves after its commit: whoever hears of a record finds it', async (t) => {
  const posts = await collection(server)
  const client = pusher(t, server)
  const events = await listen(client, (await subscribe(server, posts)).channel_name)
  for (let n = 0; n < 20; n += 1) {
    const writing = create(server, posts, { n })
    const { data } = await events.next()
    const found = await view(server, posts, data.record.id)
    assert.equal(found.status, 200)
    assert.deepEqual(found.body.data, data.record)
    await writing
  }
})

test('concurrent writes: events come in the order of the record\'s `updated`', async (t) => {
  const posts = await collection(server)
  const events = await listen(pusher(t, server), (await subscribe(server, posts)).channel_name)
  const { id } = await create(server, posts, { n: 0 })
  assertEvent(await events.next(), 'created', { id })
  const writes = Array.from({ length: 30 }, (_, n) => update(server, posts, id, { n: n + 1 }))
  await Promise.all(writes)
  const stamps = (await events.take(30)).map(({ data }) => data.record.updated)
  assert.deepEqual(stamps, [...new Set(stamps)].sort())
})

test('numbers and text come back as they were sent', async () => {
  const posts = await collection(server)
  const raw = '{"big":9223372036854775807,"small":-9223372036854775808,"half":0.5,"text":"\\u0000\\ud83d\\ude00\\"","empty":{},"list":[]}'
  const answer = await server.request('POST', `/api/collections/${posts}/records`, asSuperuser({ raw, headers: { 'Content-Type': 'application/json' } }))
  assert.equal(answer.status, 201, answer.text)
  assert.match(answer.text, /"big":\s*9223372036854775807/)
  assert.match(answer.text, /"small":\s*-9223372036854775808/)
  assert.equal(answer.body.data.text, '\0😀"')
  assert.deepEqual([answer.body.data.empty, answer.body.data.list, answer.body.data.half], [{}, [], 0.5])
})
