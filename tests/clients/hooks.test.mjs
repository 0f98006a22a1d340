// Hooks over HTTP: what each may do, who is asked and how it is signed, and a
// receiver that fails in every way (docs/hooks.md).
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { app, ingestKey, Server, velo, secrets } from './support/server.mjs'
import { configFile, Receiver } from './support/apps.mjs'
import { dataOf, Socket } from './support/socket.mjs'
import { afterwards } from './support/wait.mjs'
import { assertRefused, asSuperuser, collection, create, remove, subscribe, tokenOf, update, view } from './support/velo.mjs'

const json = (value, status = 200, type = 'application/json') => (_, outgoing) =>
  outgoing.writeHead(status, { 'Content-Type': type }).end(typeof value === 'string' ? value : JSON.stringify(value))

/** A hook server: `decide` gives the answer to each call's body; `{}` without it. */
async function hookServer(t, decide = () => ({})) {
  const receiver = await Receiver.start(t)
  receiver.calls = []
  receiver.server.removeAllListeners('request')
  receiver.server.on('request', (incoming, outgoing) => {
    const chunks = []
    incoming.on('data', (chunk) => chunks.push(chunk))
    incoming.on('end', () => {
      const rawBody = Buffer.concat(chunks).toString('utf8')
      const call = { headers: incoming.headers, rawBody, ...JSON.parse(rawBody) }
      receiver.calls.push(call)
      receiver.requests.push(call)
      const answer = receiver.decide(call)
      if (typeof answer === 'function') return answer(incoming, outgoing)
      return json(answer)(incoming, outgoing)
    })
  })
  receiver.decide = decide
  return receiver
}

async function hooked(t, receiver, events, { env = {}, ...more } = {}) {
  const server = await Server.start({
    env: { VELO_HOOKS_URL: receiver.url, VELO_HOOKS_EVENTS: events.join(','), VELO_HOOKS_TIMEOUT: '3s', ...env },
    ...more,
  })
  afterwards(t, () => server.close())
  return server
}

async function listening(t, server, name, options = {}) {
  const socket = await Socket.connect(t, server)
  const { channel_name } = await subscribe(server, name, options)
  const answer = await socket.subscribe(channel_name)
  assert.equal(answer.event, 'pusher_internal:subscription_succeeded')
  socket.next = async () => dataOf(await socket.frames.find(({ channel }) => channel === channel_name))
  socket.channel = channel_name
  return socket
}

const signature = (secret, body) => createHmac('sha256', secret).update(body).digest('hex')

test('record hooks change and refuse, signed as webhooks are; notices come after it', async (t) => {
  const receiver = await hookServer(t, ({ event, record }) => {
    if (record.title === 'spam') return { refuse: 'No spam.' }
    if (event === 'record.deleting') return record.kept ? { refuse: true } : {}
    if (event === 'record.creating' || event === 'record.updating') return { record: { ...record, slug: `s-${record.title}` } }
    return {}
  })
  const server = await hooked(t, receiver, ['record.creating', 'record.updating', 'record.deleting', 'record.created', 'record.updated', 'record.deleted'])
  const posts = await collection(server)
  const made = await create(server, posts, { title: 'one' }, { token: tokenOf('ada') })
  assert.equal(made.slug, 's-one')
  const asked = await receiver.requests.next()
  assert.equal(asked.event, 'record.creating')
  assert.equal(asked.headers['content-type'], 'application/json')
  assert.equal(asked.headers['x-pusher-key'], app.key)
  assert.equal(asked.headers['x-pusher-signature'], signature(app.secret, asked.rawBody))
  assert.equal(asked.collection.name, posts)
  assert.equal(asked.identity.kind, 'user')
  assert.equal(asked.identity.id, 'ada')
  assert.equal(asked.record.id, made.id)
  const told = await receiver.requests.next()
  assert.deepEqual([told.event, told.sequence, told.record.slug], ['record.created', 1, 's-one'])

  const refused = await server.request('POST', `/api/collections/${posts}/records`, asSuperuser({ json: { title: 'spam' } }))
  assertRefused(refused, 422)
  assert.equal(refused.body.message, 'No spam.')
  await update(server, posts, made.id, { title: 'two', kept: true })
  assert.equal((await view(server, posts, made.id)).body.data.slug, 's-two')
  assertRefused(await server.request('DELETE', `/api/collections/${posts}/records/${made.id}`, asSuperuser()), 422)
  await update(server, posts, made.id, { kept: false })
  await remove(server, posts, made.id)
  const last = await receiver.requests.find(({ event }) => event === 'record.deleted')
  assert.equal(last.old_record.slug, 's-two')
})

test('a secret of its own signs the calls', async (t) => {
  const receiver = await hookServer(t)
  const server = await hooked(t, receiver, ['record.creating'], { env: { VELO_HOOKS_SECRET: 'hook-secret' } })
  await create(server, await collection(server), { a: 1 })
  const { headers, rawBody } = await receiver.requests.next()
  assert.equal(headers['x-pusher-signature'], signature('hook-secret', rawBody))
  assert.equal(headers['x-pusher-key'], undefined)
})

test('a broadcast hook takes away for good: live, in replay, snapshot and catch-up; hidden fields go after it', async (t) => {
  const receiver = await hookServer(t, ({ record }) => {
    if (record.secret) return { suppress: true }
    const { salary, ...rest } = record
    return { record: { ...rest, password: 'of the hook', by: 'hook' } }
  })
  const server = await hooked(t, receiver, ['realtime.broadcast'])
  const posts = await collection(server, { hidden: ['password'] })
  const check = (record, id) => {
    assert.equal(record.id, id)
    assert.equal(record.by, 'hook')
    assert.equal('salary' in record, false)
    assert.equal('password' in record, false)
  }
  const live = await listening(t, server, posts)
  const a = await create(server, posts, { salary: 9, n: 1 })
  await create(server, posts, { salary: 9, secret: true })
  await server.expect(200, 'POST', '/api/realtime/changes', { token: ingestKey, json: { collection: posts, action: 'created', record: { id: 'c', salary: 9 } } })
  check((await live.next()).record, a.id)
  check((await live.next()).record, 'c')
  assert.equal((await view(server, posts, a.id)).body.data.salary, 9)

  const replayed = await listening(t, server, posts, { since: 0 })
  check((await replayed.next()).record, a.id)
  check((await replayed.next()).record, 'c')
  const shown = await listening(t, server, posts, { snapshot: true })
  const { records } = await shown.next()
  assert.equal(records.length, 2)
  for (const record of records) check(record, record.id)
  const page = await server.expect(200, 'GET', `/api/realtime/events?channel_name=${live.channel}&after=0`)
  assert.equal(page.data.length, 2)
  for (const { record } of page.data) check(record, record.id)
})

test('a connecting hook refuses with its words, or gives the client metadata', async (t) => {
  const receiver = await hookServer(t, ({ event, query }) => {
    if (event !== 'realtime.connecting') return {}
    return query.token === 'good' ? { metadata: { tenant: 7 } } : { refuse: 'Who are you?' }
  })
  const server = await hooked(t, receiver, ['realtime.connecting', 'record.creating'])
  const query = (token) => `?protocol=7&token=${token}`
  const refused = await Socket.open(t, server, { query: query('bad') })
  assert.deepEqual(await refused.close(), { code: 4009, reason: 'Who are you?' })
  const socket = await Socket.connect(t, server, { query: query('good'), origin: 'https://app.example' })
  const asked = receiver.calls.at(-1)
  assert.deepEqual([asked.app_id, asked.socket_id, asked.origin], [app.id, socket.id, 'https://app.example'])
  const posts = await collection(server)
  await create(server, posts, { a: 1 }, asSuperuser({ headers: { 'X-Socket-ID': socket.id } }))
  assert.deepEqual(receiver.calls.at(-1).metadata, { tenant: 7 })
  assert.equal(receiver.calls.at(-1).socket_id, socket.id)

  receiver.decide = () => json('no', 500)
  const unknown = await Socket.open(t, server, { query: query('good') })
  assert.equal((await unknown.close()).code, 4100)
  assert.ok(await socket.ping())
})

const failures = {
  'status 500': json({}, 500),
  'status 302': (_, outgoing) => outgoing.writeHead(302, { Location: '/elsewhere' }).end(),
  'an answer that does not come': () => {},
  'a connection that is closed': (incoming) => incoming.socket.destroy(),
  'an answer that is cut off': (incoming) => incoming.socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}'),
  'bytes that are no HTTP': (incoming) => incoming.socket.end('nonsense\r\n\r\n'),
  'a body that is no JSON': json('{"record":'),
  'JSON that is no object': json('[1]'),
  'a key that is unknown': json({ reocrd: {} }),
  'a record that is no object': json({ record: 5 }),
  'another id': json({ record: { id: 'another' } }),
  'an answer that is huge': json({ record: { text: 'x'.repeat(3 << 20) } }),
  'another content type': json('{}', 200, 'text/html'),
}

for (const on_failure of ['closed', 'open']) {
  test(`whatever a hook does wrong is refused or gone without: ${on_failure}`, async (t) => {
    const receiver = await hookServer(t)
    const server = await hooked(t, receiver, ['record.creating', 'realtime.broadcast'], { env: { VELO_HOOKS_ON_FAILURE: on_failure, VELO_HOOKS_TIMEOUT: '1s' } })
    const posts = await collection(server)
    const listener = await listening(t, server, posts)
    for (const [what, fault] of Object.entries(failures)) {
      receiver.decide = ({ event }) => (event === 'record.creating' ? fault : {})
      const answer = await server.request('POST', `/api/collections/${posts}/records`, asSuperuser({ json: { what } }))
      if (on_failure === 'closed') assertRefused(answer, 503)
      else assert.equal(answer.status, 201, what)
      if (on_failure === 'open') assert.equal((await listener.next()).record.what, what)

      receiver.decide = ({ event }) => (event === 'realtime.broadcast' ? fault : {})
      await create(server, posts, { what: `told ${what}` })
      if (on_failure === 'open') assert.equal((await listener.next()).record.what, `told ${what}`)
    }
    receiver.decide = () => ({})
    await create(server, posts, { what: 'last' })
    assert.equal((await listener.next()).record.what, 'last') // nothing of the others came before it
  })
}

test('writes of a collection keep their order while a slow hook is asked about many at a time', async (t) => {
  const receiver = await hookServer(t, ({ record }) => (_, outgoing) => {
    setTimeout(() => json({})(_, outgoing), record.n % 2 === 0 ? 60 : 1)
  })
  const server = await hooked(t, receiver, ['realtime.broadcast'], { env: { VELO_HOOKS_TIMEOUT: '10s' } })
  const posts = await collection(server)
  const listener = await listening(t, server, posts)
  const count = 20
  const changes = Array.from({ length: count }, (_, n) => ({ collection: posts, action: 'created', record: { id: `r${n}`, n } }))
  await Promise.all([
    server.expect(200, 'POST', '/api/realtime/changes', { token: ingestKey, json: changes }),
    create(server, await collection(server), { n: 1 }),
  ])
  for (let n = 0; n < count; n += 1) assert.equal((await listener.next()).record.n, n)
})

test('check-config knows the hooks and says what is wrong with them', async () => {
  const check = (text) => velo(['check-config', '--config', configFile(text)], { env: secrets })
  const good = await check('[hooks]\nurl = "https://example.org/h"\nevents = ["record.creating"]\nsecret = "hook-secret"\n')
  assert.equal(good.code, 0, good.stderr)
  assert.equal(good.stdout.includes('hook-secret'), false)
  for (const [text, hint] of [
    ['[hooks]\nurl = "ftp://x"\nevents = ["record.creating"]', /hooks\.url.*address/],
    ['[hooks]\nurl = "http://x/"', /hooks\.events.*Name/],
    ['[hooks]\nurl = "http://x/"\nevents = ["record.creatin"]', /record\.creating/],
    ['[hooks]\nevents = ["record.creating"]', /hooks\.url/],
    ['[hooks]\non_failure = "maybe"', /closed/],
  ]) {
    const { code, stderr } = await check(text)
    assert.notEqual(code, 0, text)
    assert.match(stderr, hint)
  }
})
