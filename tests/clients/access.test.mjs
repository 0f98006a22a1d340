// Who may do what: every endpoint and every kind of rule, for everybody who might ask,
// each cell of the tables asked; and signatures that are another app's, of another time,
// or of another request by a single byte.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { app, ingestKey, jwtSecret, Server, superuser } from './support/server.mjs'
import { appToml, configFile, official, signedQuery } from './support/apps.mjs'
import { driverToml } from './support/drivers.mjs'
import { dataOf, sign, Socket } from './support/socket.mjs'
import { asSuperuser, collection, create, open, subscribe, tokenOf, unique, users, view } from './support/velo.mjs'

const other = { id: 'other', key: 'other-key', secret: 'other-secret' }
const outside = { key: 'outside-key', secret: 'outside-secret' }
const metricsToken = 'metrics-token-of-the-tests'
const ada = tokenOf('ada')

const callers = {
  guest: undefined,
  ada,
  bob: tokenOf('bob'),
  ingest: ingestKey,
  metrics: metricsToken,
  superuser,
  expired: tokenOf('ada', { exp: Math.floor(Date.now() / 1000) - 60 }),
  garbage: 'garbage',
}

let server
before(async () => {
  const driver = driverToml({ name: 'outside', port: 1, collections: ['behind_a_driver'], ...outside })
  server = await Server.start({
    configured: { VELO_SUPERUSER_TOKEN: superuser, VELO_INGEST_KEY: ingestKey, VELO_JWT_SECRET: jwtSecret, VELO_METRICS_TOKEN: metricsToken },
    // Reachable from outside: /metrics is for who has a token.
    args: ['--host', '0.0.0.0', '--config', configFile([app, other].map(appToml).join('\n') + driver)],
  })
  server.url = server.url.replace('0.0.0.0', '127.0.0.1')
  await users(server)
})
after(() => server?.close())

// -- endpoints -----------------------------------------------------------------------

const owned = '@request.auth.id = owner'
const private_ = { list: owned, view: owned, create: owned, update: owned, delete: owned }
/** A collection of private records, one of ada's in it. */
const notes = async () => {
  const name = await collection(server, { rules: private_ })
  await create(server, name, { id: 'mine', owner: 'ada' })
  return name
}
const adasChannel = async () => (await subscribe(server, await collection(server, { rules: private_ }), { token: ada })).channel_name
const publicChannel = async () => (await subscribe(server, await collection(server))).channel_name
const named = (name) => async (channel = name()) => ({ json: { channel_name: await channel } })
const authFields = async () => ({ form: { socket_id: '1.2', channel_name: `private-${await adasChannel()}` } })
const change = (name) => ({ json: { collection: name, action: 'created', record: { id: 'new', owner: 'ada' } } })
const hook = ({ key, secret }) => {
  const raw = JSON.stringify({ time_ms: 1, events: [] })
  return { raw, headers: { 'Content-Type': 'application/json', 'X-Pusher-Key': key, 'X-Pusher-Signature': createHmac('sha256', secret).update(raw).digest('hex') } }
}
const publication = { name: 'e', channel: 'x', data: '1' }
const bodies = { events: publication, batch_events: { batch: [publication] }, 'channels/x/events': { n: 1 } }
const queries = { 'channels/x/events': { name: 'e' } }

/** A request of the Pusher API to `app`, signed by `as`; unsigned where there is none. */
const pusherCall = (method, path, as) => () => {
  const route = path.split('/').slice(3).join('/')
  const body = bodies[route]
  const raw = body === undefined ? '' : JSON.stringify(body)
  const query = as ? `?${signedQuery(method, path, raw, { ...as, query: queries[route] })}` : ''
  return { path: path + query, ...(raw && { raw, headers: { 'Content-Type': 'application/json' } }) }
}

const [G, P, A, D] = ['GET', 'POST', 'PATCH', 'DELETE']
const realtime = '/api/realtime'
const collections = '/api/collections'
const records = `${collections}/{collection}/records`

// Each row is made anew for each cell: [what, method, route, what to send, statuses].
// What to send may name another path, that of the collection or record in the route.
const endpoints = [
  //                                                                              guest  ada  bob  ingest metrics super expired garbage
  ['is it up',         G, '/up', () => ({}),                                        [200, 200, 200, 200, 200, 200, 200, 200]],
  ['metrics',          G, '/metrics', () => ({}),                                   [401, 403, 403, 403, 200, 200, 401, 401]],
  ['subscribe, open',  P, `${realtime}/subscribe`, async () => ({ json: { collection: await collection(server) } }),
                                                                                    [200, 200, 200, 403, 401, 200, 401, 401]],
  ['subscribe, own',   P, `${realtime}/subscribe`, async () => ({ json: { collection: await notes() } }),
                                                                                    [401, 200, 200, 403, 401, 200, 401, 401]],
  ['ping a public',    P, `${realtime}/ping`, named(publicChannel),                 [200, 200, 200, 200, 401, 200, 401, 401]],
  ["ping ada's",       P, `${realtime}/ping`, named(adasChannel),                   [403, 200, 403, 403, 401, 403, 401, 401]],
  ['end a public',     P, `${realtime}/unsubscribe`, named(publicChannel),          [200, 200, 200, 200, 401, 200, 401, 401]],
  ["end ada's",        P, `${realtime}/unsubscribe`, named(adasChannel),            [403, 200, 403, 403, 401, 403, 401, 401]],
  ['events of public', G, `${realtime}/events`, async () => ({ path: `${realtime}/events?channel_name=${await publicChannel()}&after=0` }),
                                                                                    [200, 200, 200, 200, 401, 200, 401, 401]],
  ["events of ada's",  G, `${realtime}/events`, async () => ({ path: `${realtime}/events?channel_name=${await adasChannel()}&after=0` }),
                                                                                    [403, 200, 403, 403, 401, 403, 401, 401]],
  ['a change',         P, `${realtime}/changes`, async () => change(await notes()), [401, 403, 403, 200, 401, 200, 401, 401]],
  ['a change of users', P, `${realtime}/changes`, async () => change(await collection(server, { type: 'auth' })),
                                                                                    [401, 403, 403, 403, 401, 200, 401, 401]],
  ['connections',      G, `${realtime}/connections`, () => ({}),                    [401, 403, 403, 403, 401, 200, 401, 401]],
  ["refresh ada's",    P, `${realtime}/refresh`, named(adasChannel),                [401, 200, 403, 403, 401, 403, 401, 401]],
  ["revoke ada's",     P, `${realtime}/revoke`, named(adasChannel),                 [401, 403, 403, 403, 401, 200, 401, 401]],
  ["explain ada's",    P, `${realtime}/explain`, async () => ({ json: { channel_name: await adasChannel(), record: { id: 'a', owner: 'ada' } } }),
                                                                                    [401, 403, 403, 403, 401, 200, 401, 401]],
  ["sign ada's",       P, '/api/broadcasting/auth', authFields,                     [403, 200, 403, 403, 401, 403, 401, 401]],
  ["sign ada's",       P, '/broadcasting/auth', authFields,                         [403, 200, 403, 403, 401, 403, 401, 401]],
  ['sign in',          P, '/api/broadcasting/user-auth', () => ({ form: { socket_id: '1.2' } }),
                                                                                    [403, 200, 200, 403, 401, 403, 401, 401]],
  ['sign in',          P, '/broadcasting/user-auth', () => ({ form: { socket_id: '1.2' } }),
                                                                                    [403, 200, 200, 403, 401, 403, 401, 401]],
  ['all collections',  G, collections, () => ({}),                                  [401, 403, 403, 403, 401, 200, 401, 401]],
  ['make one',         P, collections, () => ({ json: { name: unique('made') } }),  [401, 403, 403, 403, 401, 201, 401, 401]],
  ['see one',          G, `${collections}/{collection}`, async () => ({ path: `${collections}/${await notes()}` }),
                                                                                    [401, 403, 403, 403, 401, 200, 401, 401]],
  ['change one',       A, `${collections}/{collection}`, async () => ({ path: `${collections}/${await notes()}`, json: { rules: open } }),
                                                                                    [401, 403, 403, 403, 401, 200, 401, 401]],
  ['drop one',         D, `${collections}/{collection}`, async () => ({ path: `${collections}/${await notes()}` }),
                                                                                    [401, 403, 403, 403, 401, 204, 401, 401]],
  ['list records',     G, records, async () => ({ path: `${collections}/${await notes()}/records` }),
                                                                                    [401, 200, 200, 403, 401, 200, 401, 401]],
  ['view a record',    G, `${records}/{id}`, async () => ({ path: `${collections}/${await notes()}/records/mine` }),
                                                                                    [404, 200, 404, 403, 401, 200, 401, 401]],
  ['create a record',  P, records, async () => ({ path: `${collections}/${await notes()}/records`, json: { owner: 'ada' } }),
                                                                                    [401, 201, 403, 403, 401, 201, 401, 401]],
  ['patch a record',   A, `${records}/{id}`, async () => ({ path: `${collections}/${await notes()}/records/mine`, json: { n: 1 } }),
                                                                                    [404, 200, 404, 403, 401, 200, 401, 401]],
  ['put a record',     'PUT', `${records}/{id}`, async () => ({ path: `${collections}/${await notes()}/records/mine`, json: { n: 1 } }),
                                                                                    [404, 200, 404, 403, 401, 200, 401, 401]],
  ['delete a record',  D, `${records}/{id}`, async () => ({ path: `${collections}/${await notes()}/records/mine` }),
                                                                                    [404, 204, 404, 403, 401, 204, 401, 401]],
  // Whose these are is said by a signature; a bearer token neither helps nor hurts.
  ['hook, signed',     P, '/api/drivers/{name}/webhook', () => ({ path: '/api/drivers/outside/webhook', ...hook(outside) }),
                                                                                    [200, 200, 200, 200, 200, 200, 200, 200]],
  ["hook, by an app's key", P, '/api/drivers/{name}/webhook', () => ({ path: '/api/drivers/outside/webhook', ...hook(app) }),
                                                                                    [401, 401, 401, 401, 401, 401, 401, 401]],
  ['hook, unsigned',   P, '/api/drivers/{name}/webhook', () => ({ path: '/api/drivers/outside/webhook', json: { events: [] } }),
                                                                                    [401, 401, 401, 401, 401, 401, 401, 401]],
  ['hook of nobody',   P, '/api/drivers/{name}/webhook', () => ({ path: '/api/drivers/nobody/webhook', ...hook(outside) }),
                                                                                    [404, 404, 404, 404, 404, 404, 404, 404]],
  ...[
    [P, 'events', 200], [P, 'batch_events', 200], [G, 'channels', 200], [G, 'channels/{channel}', 200, 'channels/x'],
    [G, 'channels/{channel}/users', 200, 'channels/presence-x/users'], [G, 'connections', 200],
    [P, 'users/{user}/terminate_connections', 200, 'users/u/terminate_connections'],
    [P, 'channels/{channel}/events', 200, 'channels/x/events'],
  ].flatMap(([method, route, status, path = route]) => {
    const all = (n) => Array(8).fill(n)
    const row = (what, as, of, n) => [`${what} ${path}`, method, `/apps/{app}/${route}`, pusherCall(method, `/apps/${of.id}/${path}`, as), all(n)]
    return [
      row('signed', app, app, status),
      row('unsigned', undefined, app, 401),
      row("another app's key:", other, app, 401),
      row("another app's secret:", { key: app.key, secret: other.secret }, app, 401),
      row('nobody:', app, { id: 'nobody' }, 404),
    ]
  }),
]

for (const [what, method, route, make, expected] of endpoints) {
  test(`${what}: ${method} ${route}`, async () => {
    const found = {}
    const wanted = {}
    for (const [at, [who, token]] of Object.entries(callers).entries()) {
      const { path = route, ...sent } = await make()
      found[who] = (await server.request(method, path, { ...sent, token })).status
      wanted[who] = expected[at]
    }
    assert.deepEqual(found, wanted)
  })
}

test('the table has every route that the server has', () => {
  const folder = new URL('../../net/endpoints/', import.meta.url)
  const known = new Set(endpoints.map(([, method, route]) => `${method} ${route}`))
  const routes = readdirSync(folder).filter((name) => name.endsWith('.cpp')).flatMap((name) => {
    const text = readFileSync(new URL(name, folder), 'utf8')
    const one = name === 'records.cpp' ? `${records}/{id}` : `${collections}/{collection}`
    const meant = { all: name === 'records.cpp' ? records : collections, one }
    return [...text.matchAll(/add\("([A-Z]+)",\s*(?:"([^"]+)"|(all|one))/g)].map(([, method, literal, variable]) => `${method} ${literal ?? meant[variable]}`)
  })
  assert.ok(routes.length >= 30, `${routes.length} routes were found`)
  assert.deepEqual(routes.filter((route) => !known.has(route)), [])
})

// -- rules ---------------------------------------------------------------------------

const kinds = { null: null, everybody: '', signed_in: "@request.auth.id != ''", owner: '@request.auth.id = owner' }

// Two records, ada's and bob's; all asks concern ada's. A list says how many it shows.
// Where the rule under test forbids a write, who may view the record is told so, and
// who may not is told that there is none.
const rules = [
  // rule, what                 guest     ada       bob       ingest metrics superuser expired garbage
  ['null', 'list',              ['401',   '403',    '403',    '403', '401',  '200/2',  '401',  '401']],
  ['null', 'subscribe',         ['401',   '403',    '403',    '403', '401',  '200',    '401',  '401']],
  ['null', 'view',              ['404',   '404',    '404',    '403', '401',  '200',    '401',  '401']],
  ['null', 'create',            ['401',   '403',    '403',    '403', '401',  '201',    '401',  '401']],
  ['null', 'update',            ['401',   '403',    '403',    '403', '401',  '200',    '401',  '401']],
  ['null', 'delete',            ['401',   '403',    '403',    '403', '401',  '204',    '401',  '401']],
  ['null', 'update unseen',     ['404',   '404',    '404',    '403', '401',  '200',    '401',  '401']],
  ['null', 'delete unseen',     ['404',   '404',    '404',    '403', '401',  '204',    '401',  '401']],
  ['everybody', 'list',         ['200/2', '200/2',  '200/2',  '403', '401',  '200/2',  '401',  '401']],
  ['everybody', 'subscribe',    ['200',   '200',    '200',    '403', '401',  '200',    '401',  '401']],
  ['everybody', 'view',         ['200',   '200',    '200',    '403', '401',  '200',    '401',  '401']],
  ['everybody', 'create',       ['201',   '201',    '201',    '403', '401',  '201',    '401',  '401']],
  ['everybody', 'update',       ['200',   '200',    '200',    '403', '401',  '200',    '401',  '401']],
  ['everybody', 'delete',       ['204',   '204',    '204',    '403', '401',  '204',    '401',  '401']],
  ['everybody', 'update unseen', ['200',  '200',    '200',    '403', '401',  '200',    '401',  '401']],
  ['everybody', 'delete unseen', ['204',  '204',    '204',    '403', '401',  '204',    '401',  '401']],
  ['signed_in', 'list',         ['401',   '200/2',  '200/2',  '403', '401',  '200/2',  '401',  '401']],
  ['signed_in', 'subscribe',    ['401',   '200',    '200',    '403', '401',  '200',    '401',  '401']],
  ['signed_in', 'view',         ['404',   '200',    '200',    '403', '401',  '200',    '401',  '401']],
  ['signed_in', 'create',       ['401',   '201',    '201',    '403', '401',  '201',    '401',  '401']],
  ['signed_in', 'update',       ['401',   '200',    '200',    '403', '401',  '200',    '401',  '401']],
  ['signed_in', 'delete',       ['401',   '204',    '204',    '403', '401',  '204',    '401',  '401']],
  ['signed_in', 'update unseen', ['404',  '200',    '200',    '403', '401',  '200',    '401',  '401']],
  ['signed_in', 'delete unseen', ['404',  '204',    '204',    '403', '401',  '204',    '401',  '401']],
  ['owner', 'list',             ['401',   '200/1',  '200/1',  '403', '401',  '200/2',  '401',  '401']],
  ['owner', 'subscribe',        ['401',   '200',    '200',    '403', '401',  '200',    '401',  '401']],
  ['owner', 'view',             ['404',   '200',    '404',    '403', '401',  '200',    '401',  '401']],
  ['owner', 'create',           ['401',   '201',    '403',    '403', '401',  '201',    '401',  '401']],
  ['owner', 'update',           ['401',   '200',    '403',    '403', '401',  '200',    '401',  '401']],
  ['owner', 'delete',           ['401',   '204',    '403',    '403', '401',  '204',    '401',  '401']],
  ['owner', 'update unseen',    ['404',   '200',    '404',    '403', '401',  '200',    '401',  '401']],
  ['owner', 'delete unseen',    ['404',   '204',    '404',    '403', '401',  '204',    '401',  '401']],
]

const asks = {
  list: (path) => ['GET', path],
  view: (path) => ['GET', `${path}/mine`],
  create: (path) => ['POST', path, { owner: 'ada' }],
  update: (path) => ['PATCH', `${path}/mine`, { n: 1 }],
  delete: (path) => ['DELETE', `${path}/mine`],
  subscribe: (path, name) => ['POST', '/api/realtime/subscribe', { collection: name }],
}

for (const [kind, ask, expected] of rules) {
  test(`rule ${kind}: ${ask}`, async () => {
    const [verb, unseen] = ask.split(' ')
    const concerned = verb === 'subscribe' ? 'list' : verb
    const found = {}
    const wanted = {}
    for (const [at, [who, token]] of Object.entries(callers).entries()) {
      const name = await collection(server, { rules: { ...open, ...(unseen && { view: null }), [concerned]: kinds[kind] } })
      const mine = await create(server, name, { id: 'mine', owner: 'ada' })
      await create(server, name, { id: 'his', owner: 'bob' })
      const [method, path, json] = asks[verb](`/api/collections/${name}/records`, name)
      const answer = await server.request(method, path, { token, json })
      found[who] = `${answer.status}${verb === 'list' && answer.status === 200 ? `/${answer.body.data.length}` : ''}`
      wanted[who] = expected[at]
      // Who was refused has changed nothing.
      if (answer.status >= 400) assert.deepEqual((await view(server, name, 'mine')).body.data, mine, `${who} was answered ${answer.status}`)
    }
    assert.deepEqual(found, wanted)
  })
}

// -- what a socket may say ---------------------------------------------------------------

// By whom a command is signed: nobody, this app, this app for another socket, another
// app, this app but for one character of the signature.
const signers = {
  nobody: () => '',
  app: (at, text) => hmac(app, `${at.id}:${text}`),
  'other socket': (at, text) => hmac(app, `1.1:${text}`),
  'other app': (at, text) => hmac(other, `${at.id}:${text}`),
  'other secret': (at, text) => hmac({ key: app.key, secret: other.secret }, `${at.id}:${text}`),
  altered: (at, text) => hmac(app, `${at.id}:${text}`).replace(/.$/, (c) => (c === '0' ? '1' : '0')),
}
const hmac = ({ key, secret }, text) => `${key}:${createHmac('sha256', secret).update(text).digest('hex')}`
const member = JSON.stringify({ user_id: 'u7' })
const theUser = JSON.stringify({ id: 'u7' })
const adasWire = async () => `private-${await adasChannel()}`
const asked = async (at, channel, auth, more) => dataOf(await at.subscribe(channel, auth, more))?.status ?? 'ok'
/** The answer to a client event: an error's code, or that it was sent. */
async function clientEvent(at, channel) {
  at.send({ event: 'client-e', channel, data: {} })
  await at.ping()
  const error = at.frames.items.find(({ event }) => event === 'pusher:error')
  return error ? dataOf(error).code : 'ok'
}

// [command, what it does with a signature, an answer for each signer].
const commands = [
  ['subscribe public',           (at, by) => asked(at, 'news', by(at, 'news')),                                            ['ok', 'ok', 'ok', 'ok', 'ok', 'ok']],
  ['subscribe private',          (at, by) => asked(at, 'private-a', by(at, 'private-a')),                                  [401, 'ok', 401, 401, 401, 401]],
  ['subscribe encrypted',        (at, by) => asked(at, 'private-encrypted-a', by(at, 'private-encrypted-a')),              [401, 'ok', 401, 401, 401, 401]],
  ['subscribe cached private',   (at, by) => asked(at, 'private-cache-a', by(at, 'private-cache-a')),                      [401, 'ok', 401, 401, 401, 401]],
  ['subscribe presence',         (at, by) => asked(at, 'presence-a', by(at, `presence-a:${member}`), { channel_data: member }), [401, 'ok', 401, 401, 401, 401]],
  ['join as somebody else',      (at, by) => asked(at, 'presence-a', by(at, `presence-a:${member}`), { channel_data: '{"user_id":"u8"}' }), [401, 401, 401, 401, 401, 401]],
  ['subscribe by another name',  (at, by) => asked(at, 'private-a', by(at, 'private-b')),                                  [401, 401, 401, 401, 401, 401]],
  ['subscribe public records',   async (at, by) => asked(at, await publicChannel(), by(at, 'x')),                          ['ok', 'ok', 'ok', 'ok', 'ok', 'ok']],
  ['subscribe private records',  async (at, by) => { const c = await adasWire(); return asked(at, c, by(at, c)) },         [401, 'ok', 401, 401, 401, 401]],
  ['private records, bare name', async (at, by) => { const c = await adasChannel(); return asked(at, c, by(at, c)) },      [404, 404, 404, 404, 404, 404]],
  ['events to a user',           (at, by) => asked(at, '#server-to-user-u7', by(at, '#server-to-user-u7')),                [401, 401, 401, 401, 401, 401]],
  ['client event, not there',    (at) => clientEvent(at, 'private-a'),                                                     [4301, 4301, 4301, 4301, 4301, 4301]],
  ['client event, public',       async (at) => { await at.subscribe('news'); return clientEvent(at, 'news') },             [4301, 4301, 4301, 4301, 4301, 4301]],
  ['client event, private',      async (at, by) => { await at.subscribe('private-a', by(at, 'private-a')); return clientEvent(at, 'private-a') }, [4301, 'ok', 4301, 4301, 4301, 4301]],
]

for (const [command, say, expected] of commands) {
  test(`on a socket: ${command}`, async (t) => {
    const found = {}
    for (const [who, by] of Object.entries(signers)) {
      const at = await Socket.connect(t, server)
      found[who] = await say(at, by)
      at.ws.close()
    }
    assert.deepEqual(found, Object.fromEntries(Object.keys(signers).map((who, i) => [who, expected[i]])))
  })
}

test('on a socket: signing in', async (t) => {
  for (const [who, by] of Object.entries(signers)) {
    const at = await Socket.connect(t, server)
    at.send({ event: 'pusher:signin', data: { auth: by(at, `:user::${theUser}`), user_data: theUser } })
    if (who !== 'app') {
      assert.equal((await at.close()).code, 4009, who)
      continue
    }
    await at.frames.find(({ event }) => event === 'pusher:signin_success')
    // What is said to him, and to nobody else.
    assert.equal(await asked(at, '#server-to-user-u7'), 'ok')
    assert.equal(await asked(at, '#server-to-user-u8'), 401)
  }
})

// -- another app's key -----------------------------------------------------------------

test("a socket of another app hears nothing of this one's channels, and its signatures open none", async (t) => {
  const here = await Socket.connect(t, server)
  const there = await Socket.connect(t, server, { key: other.key })
  const refused = async (socket, channel, auth) => {
    const answer = await socket.subscribe(channel, auth)
    assert.equal(answer.event, 'pusher:subscription_error', channel)
    return dataOf(answer).status
  }
  const accepted = async (socket, channel, auth) => assert.equal((await socket.subscribe(channel, auth)).event, 'pusher_internal:subscription_succeeded')

  // The same name is two channels.
  await accepted(here, 'news')
  await accepted(there, 'news')
  await accepted(here, 'private-room', sign(here.id, 'private-room'))
  await accepted(there, 'private-room', sign(there.id, 'private-room', other))
  await official(server).trigger(['news', 'private-room'], 'hello', { from: 'here' })
  await here.frames.find(({ event, channel }) => event === 'hello' && channel === 'private-room')
  await there.ping()
  assert.deepEqual(there.frames.items.filter(({ event }) => event === 'hello'), [])

  // Neither key signs for a socket of the other, with its own name or the other's.
  for (const channel of ['private-secret', 'private-encrypted-secret']) {
    assert.equal(await refused(there, channel, sign(there.id, channel, app)), 401)
    assert.equal(await refused(there, channel, sign(there.id, channel, { key: other.key, secret: app.secret })), 401)
    assert.equal(await refused(here, channel, sign(here.id, channel, other)), 401)
    assert.equal(await refused(here, channel, sign(there.id, channel)), 401) // of another socket
  }

  // A sign-in is one app's, too.
  const { auth, user_data } = await server.expect(200, 'POST', '/api/broadcasting/user-auth', { token: ada, form: { socket_id: there.id } })
  there.send({ event: 'pusher:signin', data: { auth, user_data } })
  const error = await there.frames.find(({ event }) => event === 'pusher:error' || event === 'pusher:signin_success')
  assert.equal(error.event, 'pusher:error')
})

test("record channels are for sockets of their collection's app", async (t) => {
  for (const rules of [open, private_]) {
    const name = await collection(server, { rules, app: other.id })
    const stranger = await Socket.connect(t, server)
    const { channel_name, is_public } = await subscribe(server, name, { token: ada })
    const wire = is_public ? channel_name : `private-${channel_name}`
    const signedFor = async ({ id }) => (is_public ? '' : (await server.expect(200, 'POST', '/api/broadcasting/auth', { token: ada, form: { socket_id: id, channel_name: wire } })).auth)
    for (const auth of [await signedFor(stranger), sign(stranger.id, wire)]) {
      const answer = await stranger.subscribe(wire, auth)
      assert.equal(answer.event, 'pusher:subscription_error')
      assert.ok([401, 403, 404].includes(dataOf(answer).status), JSON.stringify(answer))
    }
    const native = await Socket.connect(t, server, { key: other.key })
    assert.equal((await native.subscribe(wire, await signedFor(native))).event, 'pusher_internal:subscription_succeeded')
    await create(server, name, { owner: 'ada' })
    await native.frames.find(({ event }) => event === 'created')
    await stranger.ping()
    assert.deepEqual(stranger.frames.items.filter(({ event }) => event === 'created'), [])
  }
})

test("another app's key neither sees nor ends this app's sockets", async (t) => {
  const here = await Socket.connect(t, server)
  await here.subscribe('presence-room', ...presence(here.id, 'presence-room'))
  const ask = (of, path) => official(server, of).get({ path }).then((answer) => answer.json())
  assert.deepEqual(Object.keys((await ask(app, '/channels')).channels), ['presence-room'])
  assert.deepEqual(Object.keys((await ask(other, '/channels')).channels), [])
  assert.deepEqual((await ask(other, '/channels/presence-room/users')).users, [])
  const user_data = JSON.stringify({ id: 'u1' })
  const signature = createHmac('sha256', app.secret).update(`${here.id}::user::${user_data}`).digest('hex')
  here.send({ event: 'pusher:signin', data: { auth: `${app.key}:${signature}`, user_data } })
  await here.frames.find(({ event }) => event === 'pusher:signin_success')
  await official(server, other).post({ path: '/users/u1/terminate_connections', body: {} })
  assert.equal((await here.ping()).event, 'pusher:pong')
  await official(server).post({ path: '/users/u1/terminate_connections', body: {} })
  assert.equal((await here.close()).code, 4009)
})

/** Arguments of Socket.subscribe are channel and auth: presence needs channel_data beside. */
function presence(socketId, channel) {
  const channel_data = JSON.stringify({ user_id: 'u1' })
  const hex = createHmac('sha256', app.secret).update(`${socketId}:${channel}:${channel_data}`).digest('hex')
  return [`${app.key}:${hex}`, { channel_data }]
}

// -- signed requests, altered ------------------------------------------------------------

const eventsPath = `/apps/${app.id}/events`
const jsonType = { 'Content-Type': 'application/json' }
// What a request line and a JSON text can hold, so that what refuses is the signature;
// and never the same letter, since the names of parameters are signed in lower case.
const instead = (byte) => (byte === 'B' || byte === 'b' ? 'C' : 'B')

test('a signed request with any byte of path, query or body changed, left out or added is refused', async (t) => {
  const channel = unique('altered')
  const listener = await Socket.connect(t, server)
  const heard = async () => {
    await listener.ping()
    return listener.frames.items.filter(({ event }) => event === 'e').length
  }
  await listener.subscribe(channel)
  const body = JSON.stringify({ name: 'e', channel, data: '{"amount":100}' })
  const query = signedQuery('POST', eventsPath, body, { query: { info: 'subscription_count' } })
  const send = (path, sent, text) => server.request('POST', `${path}?${sent}`, { raw: text, headers: jsonType })
  assert.equal((await send(eventsPath, query, body)).status, 200)
  await listener.frames.find(({ event }) => event === 'e')

  const spoilt = (text, skip = () => false) =>
    [...text].flatMap((byte, at) => (skip(at) ? [] : [
      [at, 'changed', text.slice(0, at) + instead(byte) + text.slice(at + 1)],
      [at, 'left out', text.slice(0, at) + text.slice(at + 1)],
      [at, 'added', `${text.slice(0, at)}B${text.slice(at)}`],
    ]))
  const cases = [
    // Another path may be nobody's: what counts is that it is not taken for this one.
    ...spoilt(eventsPath, (at) => at === 0).map(([at, how, path]) => [`path byte ${at} ${how}`, [401, 404], path, query, body]),
    ...spoilt(query).map(([at, how, changed]) => [`query byte ${at} ${how}`, [400, 401], eventsPath, changed, body]),
    ...spoilt(body).map(([at, how, changed]) => [`body byte ${at} ${how}`, [401], eventsPath, query, changed]),
    ['a byte behind the body', [401], eventsPath, query, `${body} `],
    ['no body', [401], eventsPath, query, ''],
    ['a byte behind the path', [401, 404], `${eventsPath}B`, query, body],
    ['a byte behind the query', [401], eventsPath, `${query}B`, body],
  ]
  assert.ok(cases.length > 3 * (eventsPath.length + query.length + body.length - 1))
  for (let n = 0; n < cases.length; n += 20) {
    await Promise.all(cases.slice(n, n + 20).map(async ([what, statuses, ...sent]) => {
      const { status } = await send(...sent)
      assert.ok(statuses.includes(status), `${what} is answered ${status}`)
    }))
  }
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH'])
    assert.equal((await server.request(method, `${eventsPath}?${query}`, { raw: body, headers: jsonType })).status, 405, method)
  assert.equal(await heard(), 1)
})

test('a signature holds ten minutes before and after its time, and no longer', async () => {
  const path = `/apps/${app.id}/channels`
  const now = Math.floor(Date.now() / 1000)
  const at = async (time) => (await server.request('GET', `${path}?${signedQuery('GET', path, '', { time })}`)).status
  // A minute on either side, for a machine that pauses.
  for (const off of [0, -300, 300, -540, 540]) assert.equal(await at(now + off), 200, `${off} s`)
  for (const off of [-660, 720, -86_400, 86_400, -now]) assert.equal(await at(now + off), 401, `${off} s`)
  for (const time of ['', 'now', '1e9', '0x7fffffff', `${now}.0`, ` ${now}`, `${now} `, '99999999999999999999', '-1', '9223372036854775807', '-9223372036854775808'])
    assert.equal(await at(time), 401, `auth_timestamp=${time}`)
})
