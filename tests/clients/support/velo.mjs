// The API in the words of the tests: collections, records, subscriptions, tokens.
import assert from 'node:assert/strict'
import { jwt } from './http.mjs'
import { jwtSecret, superuser } from './server.mjs'

let serial = 0
/** A name no other test of this run uses. */
export function unique(stem) {
  serial += 1
  return `${stem}_${process.pid}_${serial}`
}

/** A token of the user with this id; `claims` are added. */
export function tokenOf(id, claims = {}) {
  return jwt({ sub: id, ...claims }, jwtSecret)
}

export const asSuperuser = (options = {}) => ({ token: superuser, ...options })

/** Everybody may see and do everything. */
export const open = { list: '', view: '', create: '', update: '', delete: '' }

/** Creates a collection and returns its name. */
export async function collection(server, { name = unique('posts'), type = 'base', rules = open, ...more } = {}) {
  await server.expect([200, 201], 'POST', '/api/collections', asSuperuser({ json: { name, type, rules, ...more } }))
  return name
}

/** The auth collection `users`, which tokens name by default; servers may have it already. */
export async function users(server, definition = {}) {
  await server.expect([200, 201, 409], 'POST', '/api/collections', asSuperuser({ json: { name: 'users', type: 'auth', ...definition } }))
}

export async function create(server, name, record, options = asSuperuser()) {
  return (await server.expect(201, 'POST', `/api/collections/${name}/records`, { ...options, json: record })).data
}

export async function update(server, name, id, fields, options = asSuperuser()) {
  return (await server.expect(200, 'PATCH', `/api/collections/${name}/records/${id}`, { ...options, json: fields })).data
}

export async function remove(server, name, id, options = asSuperuser()) {
  await server.expect(204, 'DELETE', `/api/collections/${name}/records/${id}`, options)
}

export function view(server, name, id, options = asSuperuser()) {
  return server.request('GET', `/api/collections/${name}/records/${id}`, options)
}

export async function list(server, name, query = {}, options = asSuperuser()) {
  return server.expect(200, 'GET', `/api/collections/${name}/records?${new URLSearchParams(query)}`, options)
}

/** POST /api/realtime/subscribe; resolves to {channel_name, is_public}. */
export async function subscribe(server, name, { token, ...body } = {}) {
  const answer = await server.expect(200, 'POST', '/api/realtime/subscribe', { token, json: { collection: name, ...body } })
  assert.match(answer.channel_name, /^velo\.realtime\.[0-9a-f-]{36}$/)
  assert.equal(typeof answer.is_public, 'boolean')
  return answer
}

/** Changes the rules of a collection. */
export function setRules(server, name, rules) {
  return server.expect(200, 'PATCH', `/api/collections/${name}`, asSuperuser({ json: { rules } }))
}

/** Asserts a refusal: its status, a message, and the field at fault if named. */
export function assertRefused(answer, statuses, field) {
  assert.ok([statuses].flat().includes(answer.status), `${answer.status} is not ${statuses}: ${answer.text}`)
  assert.equal(typeof answer.body?.message, 'string', `no message in ${answer.text}`)
  assert.notEqual(answer.body.message, '')
  if (field) {
    assert.ok(Array.isArray(answer.body.errors?.[field]), `no errors.${field} in ${answer.text}`)
    assert.ok(answer.body.errors[field].every((text) => typeof text === 'string' && text !== ''))
  }
}

/** All that a refusal says, for looking for a column or a name in it. */
export const saying = (answer) => `${answer.body?.message} ${JSON.stringify(answer.body?.errors ?? {})}`

/** The event of a change, as the client must see it: these two members, no more. */
export function assertEvent(event, action, fields) {
  assert.equal(event.name, action)
  assert.deepEqual(Object.keys(event.data).sort(), ['action', 'record'])
  assert.equal(event.data.action, action)
  for (const [field, value] of Object.entries(fields)) assert.deepEqual(event.data.record[field], value, field)
}
