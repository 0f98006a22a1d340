// Stock clients miss nothing: not through cuts, stalls and proxies that swallow
// bytes, not through a server that is killed, and they hear little twice.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FaultProxy } from './support/fault_proxy.mjs'
import { Server, temporaryDirectory, velo } from './support/server.mjs'
import { connected, echo, echoListen, listen, pusher, wireName } from './support/clients.mjs'
import { Socket, dataOf } from './support/socket.mjs'
import { afterwards, until } from './support/wait.mjs'
import { assertRefused, collection, create, list, open, remove, setRules, subscribe, tokenOf, update, users } from './support/velo.mjs'

const long = Boolean(process.env.VELO_LONG)
const doublesMax = 256
// A stock client notices a dead connection by these.
const quick = { VELO_PUSHER_ACTIVITY_TIMEOUT: '1s', VELO_PUSHER_PONG_TIMEOUT: '500ms' }

let server
before(async () => {
  server = await Server.start({ env: quick })
  await users(server)
})
after(() => server?.close())

/** A client that is as quick to notice as the tests want it to be. */
const hasty = (t, at, options = {}) => pusher(t, at, { activityTimeout: 1000, pongTimeout: 500, ...options })

/** Sequences in the order heard: new ones rise, doubles are counted. */
function account(inbox) {
  const seen = new Set()
  let last = 0
  let doubles = 0
  for (const { data } of inbox.items) {
    const { n } = data.record
    if (seen.has(n)) {
      doubles += 1
      continue
    }
    assert.ok(n > last, `${n} came behind ${last}`)
    seen.add(n)
    last = n
  }
  return { seen, doubles, last }
}

/** Every number up to `last` was heard. */
async function heardAll(inbox, last, what) {
  await until(() => inbox.items.some(({ data }) => data.record.n === last), `${what}: ${last}; ${inbox.describe()}`, 30_000)
  const { seen, doubles } = account(inbox)
  for (let n = 1; n <= last; n += 1) assert.ok(seen.has(n), `${what}: ${n} is missing of ${last}`)
  return doubles
}

/** Writes numbered records until told to stop; one at a time, so n is the order. */
function writer(server, name) {
  const self = { last: 0, running: true, failed: 0 }
  const run = async () => {
    while (self.running) {
      const n = self.last + 1
      try {
        await create(server, name, { id: `n${n}`, n })
        self.last = n
      } catch {
        self.failed += 1
        await new Promise((resolve) => setTimeout(resolve, 20))
        // Killed under it: it is there, or it is written again.
        const there = await server.request('GET', `/api/collections/${name}/records/n${n}`).catch(() => null)
        if (there?.status === 200) self.last = n
      }
    }
  }
  self.done = run()
  self.stop = async () => {
    self.running = false
    await self.done
    return self.last
  }
  return self
}

for (const kind of ['cut', 'reset', 'half_close', 'truncate', 'stall', 'delay']) {
  test(`pusher-js misses nothing when its connection is struck by: ${kind}`, async (t) => {
    const posts = await collection(server)
    const { channel_name } = await subscribe(server, posts)
    const proxy = await FaultProxy.start(t, server)
    const client = hasty(t, proxy.target)
    const inbox = await listen(client, channel_name)
    const writing = writer(server, posts)
    afterwards(t, () => writing.stop())
    for (const bytes of [700, 3000, 9001]) {
      proxy.set({ kind, bytes, ms: 100 })
      const reached = writing.last
      if (kind === 'delay') proxy.now('cut')
      else proxy.now(kind === 'truncate' ? 'cut' : kind)
      await until(() => writing.last > reached + 30, 'more writes', 20_000)
      await inbox.successes.next(20_000)
    }
    proxy.set(null)
    proxy.now('cut')
    await inbox.successes.next(20_000)
    const last = await writing.stop()
    const doubles = await heardAll(inbox, last, kind)
    t.diagnostic(`${last} written, ${doubles} doubles`)
    const reconnects = inbox.successes.items.length - 1
    assert.ok(doubles <= reconnects * doublesMax, `${doubles} doubles in ${reconnects} reconnects`)
  })
}

test('Echo on a private channel misses nothing, and hears nothing of others', async (t) => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id = owner' } })
  const token = tokenOf('ada')
  const { echo: client } = echo(t, server, { token })
  const answer = await subscribe(server, posts, { token })
  const inbox = await echoListen(client, answer)
  for (let n = 1; n <= 40; n += 1) {
    await create(server, posts, { n, owner: n % 4 === 0 ? 'bob' : 'ada' })
    if (n % 10 === 0) client.connector.pusher.connection.strategy && client.connector.pusher.disconnect()
    if (n % 10 === 5) client.connector.pusher.connect()
  }
  client.connector.pusher.connect()
  await until(() => inbox.items.some(({ data }) => data.record.n === 39), 'the last of hers', 20_000)
  const { seen } = account(inbox)
  for (let n = 1; n <= 40; n += 1) assert.equal(seen.has(n), n % 4 !== 0, String(n))
})

test('a stuck client behind a proxy is not served by the pongs of another one', async (t) => {
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts)
  const proxy = await FaultProxy.start(t, server)
  const stuck = await listen(hasty(t, proxy.target), channel_name)
  const stranger = await listen(pusher(t, server), channel_name)
  await create(server, posts, { n: 1 })
  await stuck.next()
  proxy.now('stall')
  for (let n = 2; n <= 20; n += 1) await create(server, posts, { n })
  await heardAll(stranger, 20, 'the stranger')
  await stuck.successes.next(30_000)
  await create(server, posts, { n: 21 })
  await heardAll(stuck, 21, 'the stuck one')
  assert.equal(account(stranger).doubles, 0)
})

test('a rule change while a client is away is one reset', async (t) => {
  const posts = await collection(server)
  const answer = await subscribe(server, posts)
  const client = pusher(t, server)
  const inbox = await listen(client, answer.channel_name)
  const resets = []
  client.channel(answer.channel_name).bind('reset', (data) => resets.push(data))
  await create(server, posts, { n: 1 })
  await inbox.next()
  client.disconnect()
  await setRules(server, posts, { ...open, list: 'n != 2' })
  await create(server, posts, { n: 2 })
  client.connect()
  await inbox.successes.next()
  await create(server, posts, { n: 3 })
  assert.equal((await inbox.next()).data.record.n, 3)
  assert.equal(resets.length, 1)
  assert.equal(resets[0].action, 'reset')
  assert.match(resets[0].epoch, /^[0-9a-f]{16}$/)
})

test('a server that is killed under load: nothing acknowledged is lost, no event is missed, none is foreign', async (t) => {
  for (const sync of ['always', 'interval']) {
    const own = await Server.start({ env: { ...quick, VELO_STORAGE_SYNC: sync } })
    afterwards(t, () => own.close())
    const posts = await collection(own)
    const others = await collection(own)
    const proxy = await FaultProxy.start(t, own)
    const inboxes = []
    for (let i = 0; i < 4; i += 1) {
      const { channel_name } = await subscribe(own, posts, { filter: 'n > 0' })
      inboxes.push(await listen(hasty(t, i % 2 ? own : proxy.target), channel_name))
    }
    const writing = writer(own, posts)
    const foreign = writer(own, others)
    afterwards(t, () => Promise.all([writing.stop(), foreign.stop()]))
    const rounds = long ? 50 : 5
    for (let round = 1; round <= rounds; round += 1) {
      const reached = writing.last
      await until(() => writing.last > reached + 20 + ((round * 37) % 90), 'writes', 30_000)
      if (round % 2 === 0) proxy.now('cut')
      await own.crash()
      await own.again()
      for (const inbox of inboxes) await inbox.successes.next(30_000)
    }
    const last = await writing.stop()
    await foreign.stop()
    await create(own, posts, { id: `n${last + 1}`, n: last + 1 })
    for (const inbox of inboxes) {
      const doubles = await heardAll(inbox, last + 1, sync)
      t.diagnostic(`sync ${sync}: ${last} written, ${doubles} doubles in ${rounds} crashes`)
      for (const { data } of inbox.items) assert.equal(data.record.id, `n${data.record.n}`)
    }
    const { meta } = await list(own, posts, { per_page: 1 })
    assert.equal(meta.total, last + 1)
    await own.close()
  }
})

test('subscribe extras over the wire: sequence, fields, since, snapshot, transitions', async (t) => {
  const posts = await collection(server, { hidden: ['secret'] })
  await create(server, posts, { id: 'a', n: 1, secret: 's', title: 'x' })
  const answer = await server.expect(200, 'POST', '/api/realtime/subscribe', {
    json: { collection: posts, filter: 'n = 1', sequence: true, snapshot: true, transitions: true, fields: ['n', 'secret'] },
  })
  assert.equal(answer.sequence, 1)
  const client = pusher(t, server)
  const heard = []
  const channel = client.subscribe(answer.channel_name)
  for (const name of ['snapshot', 'created', 'updated', 'deleted', 'entered', 'left', 'reset']) channel.bind(name, (data) => heard.push(data))
  await until(() => heard.length === 1, 'the snapshot')
  await update(server, posts, 'a', { n: 2 })
  await update(server, posts, 'a', { n: 1 })
  await remove(server, posts, 'a')
  await until(() => heard.length === 4, 'the changes')
  assert.deepEqual(heard[0], { action: 'snapshot', records: [{ id: 'a', n: 1 }], last: true, sequence: 1, epoch: answer.epoch })
  assert.deepEqual(
    heard.slice(1).map(({ action, record, sequence }) => [action, record, sequence]),
    [
      ['left', { id: 'a', n: 1 }, 2],
      ['entered', { id: 'a', n: 1 }, 3],
      ['deleted', { id: 'a', n: 1 }, 4],
    ],
  )
  const wrong = { since: -1, epoch: 5, fields: [], sequence: 'yes', snapshot: 1, transitions: null, resume: 'no', unknown: true }
  for (const [key, value] of Object.entries(wrong)) {
    assertRefused(await server.request('POST', '/api/realtime/subscribe', { json: { collection: posts, [key]: value } }), 422, key)
  }
})

test('GET /api/realtime/events gives the matching changes after a sequence, to whom may listen', async () => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id = owner' }, hidden: ['secret'] })
  const token = tokenOf('ada')
  const { channel_name } = await subscribe(server, posts, { token })
  for (let n = 1; n <= 6; n += 1) await create(server, posts, { n, owner: n % 2 ? 'ada' : 'bob', secret: 's' })
  const events = (query, options = { token }) => server.request('GET', `/api/realtime/events?${new URLSearchParams({ channel_name, ...query })}`, options)
  const first = (await events({ after: 0, limit: 2 })).body
  assert.deepEqual(first.data.map(({ action, record, sequence }) => [action, record.n, sequence]), [['created', 1, 1], ['created', 3, 3]])
  assert.equal('secret' in first.data[0].record, false)
  assert.equal(first.reset, false)
  const rest = (await events({ after: first.sequence, epoch: first.epoch })).body
  assert.deepEqual(rest.data.map(({ sequence }) => sequence), [5])
  assert.equal(rest.sequence, 6)
  assert.equal((await events({ after: 7 })).body.reset, true)
  assert.equal((await events({ after: 0, epoch: 'another' })).body.reset, true)
  assertRefused(await events({ after: 'x' }), 422, 'after')
  assertRefused(await events({}), 422, 'after')
  assertRefused(await events({ after: 0 }, { token: tokenOf('bob') }), 403)
  assertRefused(await events({ after: 0 }, {}), [401, 403])
})

test('a client that reads nothing is closed with 4100, and hears the rest when it comes back', async (t) => {
  const own = await Server.start({ env: { VELO_LIMITS_OUTBOX_BYTES: '64KiB', VELO_LIMITS_OUTBOX_FRAMES: '4096' } })
  afterwards(t, () => own.close())
  const posts = await collection(own)
  const { channel_name } = await subscribe(own, posts)
  const socket = await Socket.connect(t, own)
  await socket.subscribe(channel_name)
  socket.ws.pause()
  const body = 'x'.repeat(60_000)
  for (let n = 1; n <= 120; n += 1) await create(own, posts, { n, body })
  socket.ws.resume()
  assert.equal((await socket.close()).code, 4100)
  const inbox = await listen(pusher(t, own), channel_name)
  await heardAll(inbox, 120, 'the slow one')
})

test('backup under load, restored elsewhere, tells clients of the other log to reset', async (t) => {
  const own = await Server.start()
  afterwards(t, () => own.close())
  const posts = await collection(own)
  const { channel_name } = await subscribe(own, posts)
  const inbox = await listen(pusher(t, own), channel_name)
  const writing = writer(own, posts)
  afterwards(t, () => writing.stop())
  await until(() => writing.last > 50, 'writes')
  const least = writing.last
  const copy = `${temporaryDirectory()}/copy`
  const made = await velo(['backup', copy, '--data', own.data])
  assert.equal(made.code, 0, made.stderr)
  const again = await velo(['backup', copy, '--data', own.data])
  assert.equal(again.code, 1)
  assert.match(again.stderr, /already has something in it/)
  await until(() => writing.last > least + 50, 'more writes')
  const last = await writing.stop()
  await heardAll(inbox, last, 'before')
  await own.stop()

  const refused = await velo(['restore', copy, '--data', own.data])
  assert.equal(refused.code, 1)
  const elsewhere = `${temporaryDirectory()}/data`
  const restored = await velo(['restore', copy, '--data', elsewhere])
  assert.equal(restored.code, 0, restored.stderr)
  own.data = elsewhere
  const resets = []
  const client = pusher(t, own)
  await own.again()
  const channel = client.subscribe(channel_name)
  channel.bind('reset', (data) => resets.push(data))
  await until(() => resets.length === 1, 'the reset')
  const { meta } = await list(own, posts, { per_page: 1 })
  assert.ok(meta.total >= least && meta.total <= last)
})

test('a full disk refuses writers, serves readers, and goes on when there is space again', async (t) => {
  const own = await Server.start({ limits: ['--fsize=1048576'] })
  afterwards(t, () => own.close())
  const posts = await collection(own, { mirror: true })
  const { channel_name } = await subscribe(own, posts)
  const inbox = await listen(pusher(t, own), channel_name)
  let n = 0
  let refused
  const body = 'x'.repeat(20_000)
  while (!refused && n < 200) {
    const answer = await own.request('POST', `/api/collections/${posts}/records`, { json: { n: n + 1, body } })
    if (answer.status === 201) n += 1
    else refused = answer
  }
  assertRefused(refused, [503, 507])
  assert.match(refused.body.message, /disk is full/)
  await heardAll(inbox, n, 'what was committed')
  assert.equal((await list(own, posts, { per_page: 1 })).meta.total, n)
  await own.limit('--fsize=unlimited')
  await create(own, posts, { n: n + 1 })
  await heardAll(inbox, n + 1, 'after there was space again')
})
