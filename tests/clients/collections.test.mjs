// /api/collections: definitions, their validation, and who may touch them.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ingestKey, Server } from './support/server.mjs'
import { asSuperuser, assertRefused, collection, create, open, saying, tokenOf, unique, users, view } from './support/velo.mjs'

let server
before(async () => {
  server = await Server.start()
  await users(server)
})
after(() => server?.close())

const post = (json) => server.request('POST', '/api/collections', asSuperuser({ json }))
const patch = (name, json) => server.request('PATCH', `/api/collections/${name}`, asSuperuser({ json }))
const get = (name) => server.request('GET', `/api/collections/${name}`, asSuperuser())

test('a collection is created, read by name and id, changed, listed and dropped', async () => {
  const name = unique('posts')
  const made = await post({ name, rules: { list: '', view: null }, hidden: ['secret'], guarded: ['role'] })
  assert.ok([200, 201].includes(made.status), made.text)
  const definition = made.body.data
  assert.equal(definition.name, name)
  assert.equal(definition.type, 'base')
  assert.equal(definition.rules.list, '')
  for (const rule of ['view', 'create', 'update', 'delete']) assert.equal(definition.rules[rule], null)
  assert.deepEqual([definition.hidden, definition.guarded], [['secret'], ['role']])
  assert.deepEqual((await get(name)).body.data, definition)
  assert.deepEqual((await get(definition.id)).body.data, definition)

  const changed = await patch(name, { rules: { list: 'a = 1' } })
  assert.equal(changed.status, 200, changed.text)
  assert.equal(changed.body.data.rules.list, 'a = 1')
  assert.deepEqual(changed.body.data.hidden, ['secret']) // what was not named stays
  const all = await server.expect(200, 'GET', '/api/collections', asSuperuser())
  assert.ok(all.data.some((one) => one.name === name))

  const renamed = unique('articles')
  assert.equal((await patch(name, { name: renamed })).status, 200)
  assertRefused(await get(name), 404)
  assert.equal((await get(renamed)).body.data.id, definition.id)

  const dropped = await server.request('DELETE', `/api/collections/${renamed}`, asSuperuser())
  assert.equal(dropped.status, 204, dropped.text)
  assertRefused(await get(renamed), 404)
  assertRefused(await get(definition.id), 404)
})

test('a bad rule is 422 with its column, and nothing changes', async () => {
  const name = await collection(server)
  for (const [rule, text, column] of [['list', 'a = 1)', 6], ['view', "a = 'open", 5], ['update', 'a = 1 b', 7]]) {
    for (const answer of [await patch(name, { rules: { [rule]: text } }), await post({ name: unique('bad'), rules: { [rule]: text } })]) {
      assert.equal(answer.status, 422, answer.text)
      assert.match(saying(answer), new RegExp(`\\b${column}\\b`))
      assert.match(Object.keys(answer.body.errors).join(), /rule|list|view|update/)
    }
  }
  assert.deepEqual((await get(name)).body.data.rules, open)
})

test('a name is taken once (409) and well formed (422)', async () => {
  const name = await collection(server)
  assertRefused(await post({ name }), 409)
  const other = await collection(server)
  assertRefused(await patch(other, { name }), 409)
  for (const bad of ['', 'a b', 'a/b', 7, null, ['x'], 'x'.repeat(300)]) assertRefused(await post({ name: bad }), 422, 'name')
  assertRefused(await post({}), 422, 'name')
})

test('wrong types and unknown values are 422 and name the field', async () => {
  const name = () => unique('typed')
  for (const [field, value] of [
    ['type', 'other'],
    ['type', 7],
    ['rules', 'public'],
    ['rules', { list: 7 }],
    ['rules', { list: true }],
    ['hidden', 'secret'],
    ['hidden', [7]],
    ['guarded', {}],
    ['history', 'sometimes'],
    ['mirror', 'yes'],
  ]) {
    const answer = await post({ name: name(), [field]: value })
    assert.equal(answer.status, 422, `${field} = ${JSON.stringify(value)}: ${answer.text}`)
    assert.ok(Object.keys(answer.body.errors ?? {}).some((at) => at.startsWith(field)), answer.text)
  }
  for (const json of [[], 'text', 7, null]) assertRefused(await post(json), [400, 422])
})

test('only superusers see and change definitions', async () => {
  const name = await collection(server)
  const calls = [['GET', '/api/collections'], ['POST', '/api/collections'], ['GET', `/api/collections/${name}`], ['PATCH', `/api/collections/${name}`], ['DELETE', `/api/collections/${name}`]]
  for (const [method, path] of calls) {
    const json = ['POST', 'PATCH'].includes(method) ? { name: unique('no') } : undefined
    assertRefused(await server.request(method, path, { json }), 401)
    assertRefused(await server.request(method, path, { json, token: tokenOf('ada') }), 403)
    assertRefused(await server.request(method, path, { json, token: ingestKey }), [401, 403])
  }
  assert.equal((await get(name)).status, 200)
})

test('an unknown collection is 404', async () => {
  for (const [method, path] of [
    ['GET', '/api/collections/no_such'],
    ['PATCH', '/api/collections/no_such'],
    ['DELETE', '/api/collections/no_such'],
    ['GET', '/api/collections/no_such/records'],
    ['POST', '/api/collections/no_such/records'],
    ['GET', '/api/collections/no_such/records/x'],
  ]) {
    const json = ['POST', 'PATCH'].includes(method) ? {} : undefined
    assertRefused(await server.request(method, path, asSuperuser({ json })), 404)
  }
})

test('definitions and records outlive a restart', async () => {
  const name = await collection(server, { hidden: ['secret'] })
  const record = await create(server, name, { title: 'kept', secret: 's' })
  const before = (await get(name)).body.data
  await server.restart()
  assert.deepEqual((await get(name)).body.data, before)
  assert.deepEqual((await view(server, name, record.id)).body.data, record)
})

test('a dropped collection takes its records with it; its name is free again', async () => {
  const name = await collection(server)
  const { id } = await create(server, name, { id: 'old' })
  await server.expect(204, 'DELETE', `/api/collections/${name}`, asSuperuser())
  await collection(server, { name })
  assertRefused(await view(server, name, id), 404)
})

test('a token that names a collection which is not of type auth is refused', async () => {
  const base = await collection(server)
  const members = await collection(server, { name: unique('members'), type: 'auth' })
  const ask = (name) => server.request('GET', `/api/collections/${base}/records`, { token: tokenOf('ada', { collection: name }) })
  assertRefused(await ask(base), 401)
  assert.equal((await ask(members)).status, 200)
})
