// The end of the process: an orderly one, and kill -9 in the middle of writes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server } from './support/server.mjs'
import { listen, pusher } from './support/clients.mjs'
import { Raw, Socket } from './support/socket.mjs'
import { afterwards, until, within } from './support/wait.mjs'
import { collection, create, list, remove, subscribe, update, view } from './support/velo.mjs'

const long = Boolean(process.env.VELO_LONG)

async function started(t, options) {
  const server = await Server.start(options)
  afterwards(t, () => server.close())
  return server
}

test('SIGTERM: /up turns 503, upgrades are refused, sockets close 4100, exit 0 within 5 s', async (t) => {
  const server = await started(t, { env: { VELO_DRAIN_TIME: '3s' } }) // as by default
  const sockets = []
  for (let n = 0; n < 10; n += 1) sockets.push(await Socket.connect(t, server))
  const begun = Date.now()
  process.kill(server.pid, 'SIGTERM')
  const draining = await until(async () => {
    const answer = await server.request('GET', '/up')
    return answer.status === 503 && answer
  }, '/up to turn 503')
  assert.equal(draining.status, 503)
  const late = new Socket(`${server.url.replace('http', 'ws')}/app/velo-key?protocol=7`, {})
  await assert.rejects(late.opened)
  for (const socket of sockets) assert.equal((await socket.close()).code, 4100)
  const { code, signal } = await within(6_000, server.exited, 'the end of the process')
  assert.deepEqual({ code, signal }, { code: 0, signal: null })
  assert.ok(Date.now() - begun < 5_000, `${Date.now() - begun} ms`)
})

test('SIGTERM: whoever has just connected is answered', async (t) => {
  const server = await started(t, { env: { VELO_DRAIN_TIME: '0s' } })
  const waiting = await Raw.connect(t, server)
  const socket = await Socket.connect(t, server) // accepted after it, as one acceptor has them in turn
  process.kill(server.pid, 'SIGTERM')
  await socket.close()
  waiting.write('GET / HTTP/1.1\r\nHost: velo\r\n\r\n')
  assert.match(await waiting.until(/\r\n\r\n/), /^HTTP\/1\.1 [234]\d\d /)
  await waiting.end()
  assert.equal((await within(6_000, server.exited, 'the end of the process')).code, 0)
})

test('SIGTERM without clients, and twice, ends with 0; SIGINT too', async (t) => {
  for (const signals of [['SIGTERM'], ['SIGTERM', 'SIGTERM'], ['SIGINT']]) {
    const server = await started(t)
    for (const signal of signals) process.kill(server.pid, signal)
    assert.deepEqual(await within(6_000, server.exited, 'the end'), { code: 0, signal: null })
  }
})

test('SIGTERM ends a server whose client reads nothing any more, within 5 s', async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  const socket = await Socket.connect(t, server)
  await socket.subscribe((await subscribe(server, posts)).channel_name)
  socket.ws._socket.pause()
  for (let n = 0; n < 20; n += 1) await create(server, posts, { text: 'x'.repeat(50_000) })
  assert.equal((await server.stop(5_500)).code, 0)
})

test('what was acknowledged before SIGTERM is there after it', async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  const acknowledged = new Map()
  const writers = Array.from({ length: 4 }, async () => {
    for (;;) {
      try {
        const record = await create(server, posts, { text: 'x' })
        acknowledged.set(record.id, record)
      } catch {
        return // refused while draining, or gone
      }
    }
  })
  await until(() => acknowledged.size > 50, 'some writes')
  assert.equal((await server.stop()).code, 0)
  await Promise.all(writers)
  await server.again()
  await assertThere(server, posts, acknowledged)
})

async function everyRecord(server, name) {
  const found = new Map()
  for (let page = 1; ; page += 1) {
    const { data } = await list(server, name, { sort: 'id', per_page: 500, page })
    for (const record of data) found.set(record.id, record)
    if (data.length < 500) return found
  }
}

/** Each acknowledged record is there as it was acknowledged; null means deleted. */
async function assertThere(server, name, acknowledged, unsure = new Set()) {
  const found = await everyRecord(server, name)
  for (const [id, record] of acknowledged) {
    if (unsure.has(id)) continue // a write to it was under way
    assert.deepEqual(found.get(id) ?? null, record, id)
  }
  for (const id of found.keys()) assert.ok(acknowledged.has(id) || unsure.has(id), `nobody wrote ${id}`)
}

test('kill -9 in the middle of writes: nothing acknowledged is lost, round after round', async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  const acknowledged = new Map()
  const unsure = new Set()
  for (let round = 1; round <= (long ? 50 : 5); round += 1) {
    let writes = 0
    let serial = 0
    const write = async (id) => {
      unsure.add(id)
      const known = acknowledged.get(id)
      if (!known) acknowledged.set(id, await create(server, posts, { id, round, writes }))
      else if (writes % 7 === 0) await remove(server, posts, id).then(() => acknowledged.set(id, null))
      else acknowledged.set(id, await update(server, posts, id, { writes }))
      unsure.delete(id)
      writes += 1
    }
    const writers = Array.from({ length: 8 }, async () => {
      const own = []
      try {
        for (;;) {
          const alive = own.filter((id) => acknowledged.get(id))
          const id = alive.length > 5 ? alive[writes % alive.length] : `r${round}-${serial++}`
          own.push(id)
          await write(id)
        }
      } catch {
        // killed under it
      }
    })
    await until(() => writes >= 60 + 37 * round, 'enough writes', 20_000)
    await server.crash()
    await Promise.all(writers)
    await server.again()
    await assertThere(server, posts, acknowledged, unsure)
    // Those that were under way are there in whole or not at all; from here on they are known.
    const found = await everyRecord(server, posts)
    for (const id of unsure) {
      const record = found.get(id)
      if (record) assert.ok(record.id === id && record.created && record.updated)
      if (record || acknowledged.has(id)) acknowledged.set(id, record ?? null)
    }
    unsure.clear()
    // The server goes on: a record that was there can be changed, and time moves on.
    const [id, before] = [...acknowledged].find(([, record]) => record)
    const after = await update(server, posts, id, { round, again: true })
    assert.ok(after.updated > before.updated)
    acknowledged.set(id, after)
  }
})

test('kill -9 right after an event: the record it told of is there', async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  for (let round = 0; round < (long ? 20 : 3); round += 1) {
    const client = pusher(t, server)
    const events = await listen(client, (await subscribe(server, posts)).channel_name)
    create(server, posts, { round }).catch(() => {})
    const { data } = await events.next()
    await server.crash()
    client.disconnect()
    await server.again()
    assert.deepEqual((await view(server, posts, data.record.id)).body.data, data.record)
  }
})

test('sequences go on after kill -9', async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  const ingest = async (id) =>
    (await server.expect(200, 'POST', '/api/realtime/changes', { token: server.env.VELO_SUPERUSER_TOKEN, json: { collection: posts, action: 'created', record: { id } } })).sequence
  const before = await ingest('a')
  await server.crash()
  await server.again()
  assert.ok((await ingest('b')) > before)
})

test('two servers do not share a data directory', async (t) => {
  const server = await started(t)
  await assert.rejects(Server.start({ data: server.data }), /before it was ready/)
  assert.equal((await server.request('GET', '/up')).status, 200)
})
