// Events that leave through drivers: into soketi, into a second server of ours, and
// into outside servers that fail in every way (docs/drivers.md).
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import { app, Server, superuser, velo } from './support/server.mjs'
import { configFile } from './support/apps.mjs'
import { connected, listen, pusher, wireName } from './support/clients.mjs'
import { counted, driverToml, Outside, serverWithDrivers } from './support/drivers.mjs'
import { freePort, skip, soketi } from './support/soketi.mjs'
import { asSuperuser, assertEvent, collection, create, remove, tokenOf, update, users } from './support/velo.mjs'
import { afterwards, until } from './support/wait.mjs'

const quick = { retry_first: '20ms', retry_max: '100ms', timeout: '500ms' }
const owned = { list: '@request.auth.id = owner', view: '', create: '', update: '', delete: '' }

/** POST /api/realtime/subscribe, whatever prefix the channel has. */
const subscribe = (server, name, { token, ...body } = {}) => server.expect(200, 'POST', '/api/realtime/subscribe', { token, json: { collection: name, ...body } })

/** A pusher-js client on `outside` whose private channels `server` authorises. */
const clientOn = (t, outside, server, options) => pusher(t, { port: outside.port, url: server.url }, options)

async function scenario(t, server, outside) {
  await users(server)
  const notes = await collection(server, { name: 'notes', rules: owned })
  const posts = await collection(server, { name: 'posts' })
  const [ada, bob] = [tokenOf('ada'), tokenOf('bob')]

  const open = await subscribe(server, posts, { filter: 'title = wanted' })
  assert.equal(open.is_public, true)
  const guest = await listen(clientOn(t, outside, server), wireName(open))
  const mine = await subscribe(server, notes, { token: ada })
  assert.equal(mine.is_public, false)
  const client = clientOn(t, outside, server, { token: ada })
  const own = await listen(client, wireName(mine))
  const other = await listen(clientOn(t, outside, server, { token: bob }), wireName(await subscribe(server, notes, { token: bob })))

  // Only what matches, with its payload, in order.
  await create(server, posts, { id: 'p0', title: 'other' })
  await create(server, posts, { id: 'p1', title: 'wanted', text: 'ü "quoted" \\ \n' })
  await update(server, posts, 'p1', { text: 'again' })
  await remove(server, posts, 'p1')
  assertEvent(await guest.next(), 'created', { id: 'p1', text: 'ü "quoted" \\ \n' })
  assertEvent(await guest.next(), 'updated', { id: 'p1', text: 'again' })
  assertEvent(await guest.next(), 'deleted', { id: 'p1' })

  // A private channel hears its owner's records, and the writer's own socket does not.
  await create(server, notes, { id: 'n1', owner: 'ada' })
  assertEvent(await own.next(), 'created', { id: 'n1' })
  await create(server, notes, { id: 'n2', owner: 'ada' }, { token: ada, headers: { 'X-Socket-ID': await connected(client) } })
  await create(server, notes, { id: 'n3', owner: 'ada' })
  assertEvent(await own.next(), 'created', { id: 'n3' })
  await create(server, notes, { id: 'n4', owner: 'bob' })
  assertEvent(await other.next(), 'created', { id: 'n4' })
  assert.deepEqual([guest.rest, own.rest, other.rest], [[], [], []])

  // Nobody else's token signs it.
  const refused = await server.request('POST', '/api/broadcasting/auth', { token: bob, form: { socket_id: '1.2', channel_name: wireName(mine) } })
  assert.equal(refused.status, 403)

  // What was unsubscribed is told no more.
  await server.expect(200, 'POST', '/api/realtime/unsubscribe', { json: { channel_name: open.channel_name } })
  await create(server, posts, { id: 'p2', title: 'wanted' })
  const second = await subscribe(server, posts)
  const fresh = await listen(clientOn(t, outside, server), wireName(second))
  await create(server, posts, { id: 'p3', title: 'wanted' })
  assertEvent(await fresh.next(), 'created', { id: 'p3' })
  assert.deepEqual(guest.rest, [])
}

for (const kind of ['reverb', 'pusher']) {
  test(`a ${kind} driver feeds soketi, private channels included`, { skip, timeout: 240_000 }, async (t) => {
    const outside = await soketi(t)
    await scenario(t, await serverWithDrivers(t, [{ kind, port: outside.port }]), outside)
  })
}

test('our own server is an outside server, too, under a prefix of its own', { timeout: 120_000 }, async (t) => {
  const outside = await Server.start()
  afterwards(t, () => outside.close())
  const server = await serverWithDrivers(t, [{ port: outside.port, channel_prefix: 'elsewhere.' }])
  await scenario(t, server, outside)
  const { channel_name } = await subscribe(server, 'posts')
  assert.match(channel_name, /^elsewhere\.[0-9a-f-]{36}$/)
  await server.expect(200, 'POST', '/api/realtime/ping', { json: { channel_name } })
})

test('a request is signed, and one call has up to 100 channels', async (t) => {
  const outside = await Outside.start(t)
  const server = await serverWithDrivers(t, [{ port: outside.port, path: '/mounted' }])
  const posts = await collection(server)
  const wanted = new Set()
  for (let n = 0; n < 250; n += 1) wanted.add((await subscribe(server, posts)).channel_name)
  await create(server, posts, { id: 'r1' })
  await until(() => outside.taken.length >= 250, 'all channels to be told')
  assert.deepEqual(new Set(outside.taken.map(({ channel }) => channel)), wanted)
  assert.equal(outside.taken.length, 250)
  assert.ok(outside.requests.length <= 7, `${outside.requests.length} calls`)
  for (const { path, query, raw } of outside.requests) {
    assert.equal(path, '/mounted/apps/velo/events')
    assert.equal(query.get('body_md5'), createHash('md5').update(raw).digest('hex'))
    const signature = query.get('auth_signature')
    query.delete('auth_signature')
    const text = [...query.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`).join('&')
    // The mount prefix is not signed.
    assert.equal(signature, createHmac('sha256', app.secret).update(`POST\n/apps/velo/events\n${text}`).digest('hex'))
  }
})

test('what waits goes in batches of up to 10, over a few kept connections', async (t) => {
  const outside = await Outside.start(t, { answer: () => (_, outgoing) => setTimeout(() => outgoing.writeHead(200).end('{}'), 20) })
  const server = await serverWithDrivers(t, [{ port: outside.port, connections: 2 }])
  const posts = await collection(server)
  for (let n = 0; n < 4; n += 1) await subscribe(server, posts)
  const changes = Array.from({ length: 200 }, (_, n) => ({ collection: posts, action: 'created', record: { id: `r${n}` } }))
  await server.expect(200, 'POST', '/api/realtime/changes', asSuperuser({ json: changes }))
  await until(() => outside.seen.length >= 800, 'all to be told')
  assert.equal(outside.seen.length, 800)
  assert.ok(outside.requests.every(({ body }) => (body.batch ?? body.channels).length <= 10))
  assert.ok(outside.requests.length < 200, `${outside.requests.length} calls for 200 changes`)
  assert.ok(outside.sockets.size <= 2, `${outside.sockets.size} connections`)
})

test('a server that answers 500, 429, late, half or nonsense loses nothing, and no order', { timeout: 120_000 }, async (t) => {
  const faults = [
    500, 429, 503,
    (incoming) => incoming.socket.destroy(),
    (incoming) => incoming.socket.end('HTTP/1.1 2'),
    (incoming) => incoming.socket.end('nonsense\r\n\r\n'),
    (_, outgoing) => setTimeout(() => outgoing.writeHead(200).end('{}'), 1_000).unref(), // past the timeout
  ]
  const outside = await Outside.start(t, { answer: (n) => (n % 3 === 1 && n < 60 ? faults[((n - 1) / 3) % faults.length] : 200) })
  const server = await serverWithDrivers(t, [{ port: outside.port, connections: 3, ...quick }])
  const posts = await collection(server)
  const names = []
  for (let n = 0; n < 6; n += 1) names.push((await subscribe(server, posts, n % 2 ? { filter: 'even = true' } : {})).channel_name)
  for (let n = 0; n < 60; n += 1) await create(server, posts, { id: `r${n}`, even: n % 2 === 0 })
  const idle = async () => (await counted(server, 'reverb')).queue === 0
  await until(idle, 'the queue to be empty', 60_000)
  for (const [place, channel] of names.entries()) {
    const wanted = Array.from({ length: 60 }, (_, n) => `r${n}`).filter((_, n) => place % 2 === 0 || n % 2 === 0)
    const heard = outside.taken.filter((e) => e.channel === channel).map(({ data }) => data.record.id)
    // Cut-off requests were not taken: those taken come once and in order.
    assert.deepEqual(heard, wanted)
    const seen = outside.seen.filter((e) => e.channel === channel).map(({ data }) => Number(data.record.id.slice(1)))
    // A repeated request may say again what it said, and never what was before it.
    const firsts = seen.filter((id, at) => seen.indexOf(id) === at)
    assert.deepEqual(firsts, [...firsts].sort((a, b) => a - b))
  }
  const { sent, retries, refused, overflow, given_up } = await counted(server, 'reverb')
  assert.equal(sent, 60 * 3 + 30 * 3)
  assert.ok(retries >= 7, `${retries} retries`)
  assert.deepEqual([refused, overflow, given_up], [0, 0, 0])
})

test('a refusal is not tried again; it is counted and logged with what the server said', async (t) => {
  const outside = await Outside.start(t, { answer: (n) => (n === 0 ? 413 : 200) })
  const server = await serverWithDrivers(t, [{ port: outside.port, ...quick }])
  const posts = await collection(server)
  await subscribe(server, posts)
  await create(server, posts, { id: 'r1' })
  await until(() => outside.seen.length === 1, 'the first event')
  await create(server, posts, { id: 'r2' })
  await until(() => outside.taken.length === 1, 'the second event')
  assert.equal(outside.taken[0].data.record.id, 'r2')
  assert.equal(outside.seen.length, 2)
  const { refused, retries, sent } = await until(async () => {
    const now = await counted(server, 'reverb')
    return now.sent === 1 && now
  }, 'both to be counted')
  assert.deepEqual([refused, retries, sent], [1, 0, 1])
  assert.match(server.log, /driver reverb: refused 1 deliveries, status 413: .*said the outside server/)
})

for (const overflow of ['drop_oldest', 'drop_newest']) {
  test(`a full queue drops by ${overflow}, and says so`, async (t) => {
    let open = false
    const held = []
    const outside = await Outside.start(t, { answer: () => (open ? 200 : (_, outgoing) => held.push(outgoing)) })
    const server = await serverWithDrivers(t, [{ port: outside.port, connections: 1, queue_events: 10, overflow, timeout: '30s' }])
    const posts = await collection(server)
    await subscribe(server, posts)
    await create(server, posts, { id: 'r0' })
    await until(() => held.length === 1, 'the first request')
    for (let n = 1; n < 30; n += 1) await create(server, posts, { id: `r${n}` })
    await until(async () => (await counted(server, 'reverb')).overflow === 20, 'the queue to be full')
    open = true
    held[0].writeHead(200).end('{}')
    await until(async () => (await counted(server, 'reverb')).queue === 0, 'the queue to be empty')
    const rest = Array.from({ length: 9 }, (_, n) => `r${overflow === 'drop_oldest' ? n + 21 : n + 1}`)
    assert.deepEqual(outside.seen.map(({ data }) => data.record.id), ['r0', ...rest])
    assert.match(server.log, /driver reverb: the queue is full/)
  })
}

test('a call that fails for too long is given up, and the next ones go on', async (t) => {
  let up = false
  const outside = await Outside.start(t, { answer: () => (up ? 200 : 503) })
  const server = await serverWithDrivers(t, [{ port: outside.port, ...quick, retry_time: '300ms' }])
  const posts = await collection(server)
  await subscribe(server, posts)
  await create(server, posts, { id: 'r1' })
  await until(async () => (await counted(server, 'reverb')).given_up === 1, 'the call to be given up')
  up = true
  await create(server, posts, { id: 'r2' })
  await until(() => outside.taken.length === 1, 'the next event')
  assert.equal(outside.taken[0].data.record.id, 'r2')
})

test('a payload over the limit is told by its id', async (t) => {
  const outside = await Outside.start(t)
  const server = await serverWithDrivers(t, [{ port: outside.port }])
  const posts = await collection(server)
  await subscribe(server, posts)
  await create(server, posts, { id: 'long', text: 'x'.repeat(11_000) })
  await create(server, posts, { id: 'short', text: 'x'.repeat(9_000) })
  await until(() => outside.taken.length === 2, 'both events')
  assert.deepEqual(outside.taken[0].data, { action: 'created', record: { id: 'long' }, truncated: true })
  assert.equal(outside.taken[1].data.record.text.length, 9_000)
  assert.equal((await counted(server, 'reverb')).truncated, 1)
})

test('what subscribes while records change misses nothing behind a driver', async (t) => {
  const outside = await Outside.start(t)
  const server = await serverWithDrivers(t, [{ port: outside.port }])
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts, { since: 0 })
  await create(server, posts, { id: 'r1' })
  await until(() => outside.taken.length === 1, 'the event')
  await subscribe(server, posts, { since: 0, sequence: true })
  await until(() => outside.taken.length === 2, 'the replay')
  assert.notEqual(outside.taken[1].channel, channel_name)
  assert.equal(outside.taken[1].data.sequence, 1)
})

test('behind a driver the end of a token is announced, and comes; a newer token goes on without a loss', async (t) => {
  const outside = await Outside.start(t)
  const server = await serverWithDrivers(t, [{ port: outside.port }])
  await users(server)
  const notes = await collection(server, { name: 'notes', rules: owned })
  const exp = Math.floor(Date.now() / 1000) + 3
  const brief = tokenOf('ada', { exp })
  const kept = await subscribe(server, notes, { token: brief })
  const lapsed = await subscribe(server, notes, { token: brief })
  const signed = await subscribe(server, notes, { token: brief })
  const heard = (s, wanted) => outside.taken.filter(({ channel, name }) => channel === wireName(s) && name === wanted)
  const numbers = (s) => heard(s, 'created').map(({ data }) => data.record.n)
  const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1)
  const refresh = ({ channel_name }) => server.expect(200, 'POST', '/api/realtime/refresh', { token: tokenOf('ada'), json: { channel_name } })
  // The last event and all that was queued with it; the writer's answer waits for no driver.
  const handedOn = async (n) => {
    await until(() => numbers(kept).at(-1) === n, 'the last event')
    await until(async () => (await counted(server, 'reverb')).queue === 0, 'the queue to be empty')
  }

  await until(() => heard(kept, 'auth_expiring').length > 0 && heard(lapsed, 'auth_expiring').length > 0, 'the announcements')
  assert.ok(Date.now() < exp * 1000)
  assert.equal(Date.parse(heard(kept, 'auth_expiring')[0].data.expires_at.replace(' ', 'T')), exp * 1000)
  await refresh(kept)
  let n = 0
  while (Date.now() <= exp * 1000) await create(server, notes, { n: (n += 1), owner: 'ada' })
  const before = n
  for (let more = 0; more < 3; more += 1) await create(server, notes, { n: (n += 1), owner: 'ada' })
  await handedOn(n)
  assert.deepEqual(numbers(kept), upTo(n))
  const until_its_end = numbers(lapsed)
  assert.ok(until_its_end.length > 0 && until_its_end.length <= before, `${until_its_end.length} of ${before}`)
  assert.deepEqual(until_its_end, upTo(until_its_end.length))

  // After the end, too, as does a newer signature; what came between is in the history.
  await refresh(lapsed)
  await server.expect(200, 'POST', '/api/broadcasting/auth', { token: tokenOf('ada'), form: { socket_id: '1.2', channel_name: wireName(signed) } })
  await create(server, notes, { n: (n += 1), owner: 'ada' })
  await handedOn(n)
  assert.deepEqual(numbers(lapsed), [...until_its_end, n])
  assert.equal(numbers(kept).length, n)
  assert.equal(numbers(signed).at(-1), n)
  assert.equal(heard(kept, 'auth_expiring').length, 1)
  const missed = await server.expect(200, 'GET', `/api/realtime/events?channel_name=${lapsed.channel_name}&after=${until_its_end.length}`, { token: tokenOf('ada') })
  assert.deepEqual(missed.data.map(({ record }) => record.n), upTo(n).slice(until_its_end.length).slice(0, 100))
})

test('behind a driver a subscription that is not pinged goes stale, also after a restart', async (t) => {
  const outside = await Outside.start(t)
  const server = await serverWithDrivers(t, [{ port: outside.port }], { env: { VELO_REALTIME_STALE_AFTER: '1500ms' } })
  const posts = await collection(server)
  const [kept, silent] = [await subscribe(server, posts), await subscribe(server, posts)]
  const ping = () => server.expect(200, 'POST', '/api/realtime/ping', { json: { channel_name: kept.channel_name } })
  await server.restart()
  await create(server, posts, { id: 'r1' })
  await until(() => outside.taken.length === 2, 'both to hear after the restart')
  const gone = async () => {
    await ping()
    return (await server.request('POST', '/api/realtime/ping', { json: { channel_name: silent.channel_name } })).status === 404
  }
  // Asking would be a ping: the superuser's list is none.
  await until(async () => {
    await ping()
    const { data } = await server.expect(200, 'GET', `/api/realtime/connections?collection=${posts}`, { token: superuser })
    return data.length === 1
  }, 'the silent one to go')
  assert.equal(await gone(), true)
  await create(server, posts, { id: 'r2' })
  await until(() => outside.taken.length === 3, 'the event')
  assert.equal(outside.taken[2].channel, kept.channel_name)
})

test("soketi's webhooks say who is there: vacated leaves, occupied stays without pings", { skip, timeout: 240_000 }, async (t) => {
  const port = await freePort()
  const server = await serverWithDrivers(t, [{ port, name: 'away' }], { env: { VELO_REALTIME_STALE_AFTER: '1500ms' } })
  const url = `${server.url}/api/drivers/away/webhook`
  const outside = await soketi(t, { port, env: { SOKETI_DEFAULT_APP_WEBHOOKS: JSON.stringify([{ url, event_types: ['channel_occupied', 'channel_vacated'] }]) } })
  const posts = await collection(server)
  const answer = await subscribe(server, posts)
  const client = clientOn(t, outside, server)
  const heard = await listen(client, wireName(answer))
  // When one that nobody joined has gone stale, this one would have, too.
  await subscribe(server, posts)
  await until(async () => (await server.expect(200, 'GET', `/api/realtime/connections?collection=${posts}`, { token: superuser })).data.length === 1, 'the other one to go')
  await create(server, posts, { id: 'r1' })
  assertEvent(await heard.next(), 'created', { id: 'r1' })
  client.unsubscribe(wireName(answer))
  const deliveries = async () => (await counted(server, 'away')).deliveries
  const silent = async () => {
    const before = await deliveries()
    await create(server, posts, {})
    return (await deliveries()) === before
  }
  await until(silent, 'the vacated channel to leave')
})

test('a webhook must be signed with the secret of the driver', async (t) => {
  const outside = await Outside.start(t)
  const server = await serverWithDrivers(t, [{ port: outside.port }])
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts)
  const send = (events, { key = app.key, secret = app.secret, name = 'reverb', raw } = {}) => {
    const body = raw ?? JSON.stringify({ time_ms: Date.now(), events })
    return server.request('POST', `/api/drivers/${name}/webhook`, {
      raw: body,
      headers: { 'Content-Type': 'application/json', 'X-Pusher-Key': key, 'X-Pusher-Signature': createHmac('sha256', secret).update(body).digest('hex') },
    })
  }
  const vacated = [{ name: 'channel_vacated', channel: channel_name }]
  assert.equal((await send(vacated, { secret: 'x' })).status, 401)
  assert.equal((await send(vacated, { key: 'x' })).status, 401)
  assert.equal((await send(vacated, { name: 'nobody' })).status, 404)
  for (const raw of ['', 'no json', '[]', '{"events":1}']) assert.equal((await send([], { raw })).status, 400)
  assert.equal((await send([null, 1, {}, { name: 'channel_vacated', channel: 'other' }, { name: 1, channel: 2 }])).status, 200)
  await create(server, posts, { id: 'r1' })
  await until(() => outside.taken.length === 1, 'the event')
  assert.equal((await send(vacated)).status, 200)
  await create(server, posts, { id: 'r2' })
  assert.equal((await send([{ name: 'channel_occupied', channel: channel_name }])).status, 200)
  await create(server, posts, { id: 'r3' })
  await until(() => outside.taken.length >= 2, 'the event after the channel was occupied')
  assert.deepEqual(outside.taken.map(({ data }) => data.record.id), ['r1', 'r3'])
})

test('several drivers at once, each with its collections, beside our own WebSocket', async (t) => {
  const [one, two] = [await Outside.start(t), await Outside.start(t)]
  const server = await serverWithDrivers(t, [
    { kind: 'embedded', collections: ['both'] },
    { kind: 'reverb', port: one.port, collections: ['both', 'first'] },
    { kind: 'pusher', port: two.port, channel_prefix: 'p.', collections: ['second'] },
    { kind: 'log', collections: ['both'] },
    { kind: 'null' },
  ])
  for (const name of ['both', 'first', 'second', 'neither']) await collection(server, { name })
  const [both, first, second, neither] = await Promise.all(['both', 'first', 'second', 'neither'].map((name) => subscribe(server, name)))
  assert.match(second.channel_name, /^p\./)
  const here = pusher(t, server)
  const heard = await listen(here, both.channel_name)
  const alone = await listen(here, neither.channel_name)
  for (const name of ['both', 'first', 'second', 'neither']) await create(server, name, { id: name })
  assertEvent(await heard.next(), 'created', { id: 'both' })
  assertEvent(await alone.next(), 'created', { id: 'neither' })
  await until(() => one.taken.length >= 2 && two.taken.length >= 1, 'the events outside')
  assert.deepEqual(new Set(one.taken.map(({ channel }) => channel)), new Set([both.channel_name, first.channel_name]))
  assert.deepEqual(two.taken.map(({ channel }) => channel), [second.channel_name])
  await until(() => /driver log: created .*"id":"both"/.test(server.log), 'the line in the log')
})

test('what is wrong with a driver is said, its secret is not', async (t) => {
  const check = (text) => velo(['check-config', '--config', configFile(text)])
  const good = await check(driverToml({ port: 8081, secret: 'a-secret-to-hide', queue_bytes: '1MiB' }))
  assert.equal(good.code, 0, good.stderr)
  assert.match(good.stdout, /\[\[driver\]\][^]*queue_bytes = "1MiB"/)
  assert.doesNotMatch(good.stdout, /a-secret-to-hide/)
  for (const [text, wanted] of [
    ['[[driver]]\nhost = "x"\n', /driver: It needs a kind/],
    ['[[driver]]\nkind = "soketi"\n', /driver\.kind: .*embedded, reverb, pusher, log/],
    ['[[driver]]\nkind = "reverb"\n', /It needs a host[^]*app_id[^]*secret/],
    ['[[driver]]\nkind = "log"\nhost = "x"\n', /Only a driver of kind reverb or pusher has it/],
    [driverToml({ port: 1, overflw: 'x' }), /Did you mean overflow\?/],
    [driverToml({ port: 1 }) + driverToml({ port: 2 }), /Another driver is named "reverb"/],
    [driverToml({ port: 1, path: 'x/' }), /A path begins with a slash/],
    [driverToml({ port: 1, channel_prefix: 'private-x' }), /driver\.channel_prefix/],
    [driverToml({ port: 1, timeout: 5 }), /driver\.timeout/],
    ['driver = 5\n', /write \[\[driver\]\]/],
  ]) {
    const bad = await check(text)
    assert.notEqual(bad.code, 0, text)
    assert.match(bad.stderr + bad.stdout, wanted)
  }
})
