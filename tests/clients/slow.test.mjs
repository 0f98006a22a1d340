// Clients that read nothing, or that are gone without a word: they are sent away,
// and nobody else hears less or later for it.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { FaultProxy } from './support/fault_proxy.mjs'
import { Server } from './support/server.mjs'
import { listen, pusher } from './support/clients.mjs'
import { Socket, dataOf } from './support/socket.mjs'
import { afterwards, until, within } from './support/wait.mjs'
import { collection, create, subscribe } from './support/velo.mjs'

const patient = 60_000

async function started(t, env) {
  const server = await Server.start({ env })
  afterwards(t, () => server.close())
  return server
}

/** Metrics by name, labels and all. */
async function scrape(server) {
  const { text } = await server.request('GET', '/metrics', { token: server.env.VELO_SUPERUSER_TOKEN })
  return Object.fromEntries(text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
    const at = line.lastIndexOf(' ')
    return [line.slice(0, at), Number(line.slice(at + 1))]
  }))
}
const openSockets = async (server) =>
  Object.entries(await scrape(server)).filter(([name]) => name.startsWith('velo_connections{')).reduce((sum, [, n]) => sum + n, 0)

/** A socket on the channel; the numbers of the records it heard of are in `heard`. */
async function listener(t, server, channel) {
  const socket = await Socket.connect(t, server)
  socket.heard = []
  socket.ws.on('message', (data) => {
    const frame = JSON.parse(data)
    if (frame.event === 'created') socket.heard.push(dataOf(frame).record.n)
  })
  assert.equal((await socket.subscribe(channel)).event, 'pusher_internal:subscription_succeeded')
  return socket
}
const stop = (socket) => socket.ws._socket.pause()
const upTo = (last) => Array.from({ length: last }, (_, n) => n + 1)

test('100 stuck clients of 1,000: the others hear all of it, the stuck are sent away and resume', { timeout: 240_000 }, async (t) => {
  const server = await started(t, { VELO_LIMITS_OUTBOX_FRAMES: '64', VELO_LIMITS_SOCKETS_PER_RECORD_CHANNEL: '1000' })
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts)
  const sockets = []
  while (sockets.length < 1_000) {
    sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => listener(t, server, channel_name)))))
  }
  const stuck = sockets.filter((_, n) => n % 10 === 0)
  const others = sockets.filter((_, n) => n % 10 !== 0)
  stuck.forEach(stop)
  const last = 450
  for (let n = 1; n <= last; n += 1) {
    await create(server, posts, { n })
    // The readers are one process: it is given the time to read.
    if (n % 30 === 0) await until(() => others.every(({ heard }) => heard.at(-1) === n), `${n} everywhere`, patient)
  }
  for (const { heard, ws } of others) {
    assert.deepEqual(heard, upTo(last))
    assert.equal(ws.readyState, ws.OPEN)
  }
  for (const socket of stuck) socket.ws._socket.resume()
  for (const socket of stuck) {
    // 1006: it took nothing for so long that the server no longer waited for its goodbye.
    assert.ok([4100, 1006].includes((await socket.close(patient)).code))
    assert.ok(socket.heard.length < last)
    assert.deepEqual(socket.heard, upTo(socket.heard.length))
  }
  const back = await listen(pusher(t, server), channel_name)
  await until(() => back.items.at(-1)?.data.record.n === last, 'the rest', patient)
})

test('where too much waits for all sockets together, the fullest are closed 4100 and resume', { timeout: 120_000 }, async (t) => {
  const bound = 1 << 20
  const server = await started(t, { VELO_LIMITS_OUTBOX_TOTAL_BYTES: '1MiB', VELO_LIMITS_OUTBOX_BYTES: '64MiB', VELO_THREADS: '1' })
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts)
  const reader = await listener(t, server, channel_name)
  const stuck = []
  for (let i = 0; i < 4; i += 1) stuck.push(await listener(t, server, channel_name))
  stuck.forEach(stop)
  const body = 'x'.repeat(60_000)
  let last = 0
  let values
  do {
    for (let i = 0; i < 10; i += 1) await create(server, posts, { n: (last += 1), body })
    await until(() => reader.heard.at(-1) === last, `${last} at the reader`)
    values = await scrape(server)
    assert.ok(values.velo_queued_bytes <= bound, `${values.velo_queued_bytes} bytes are queued`)
  } while (values.velo_sockets_shed_total < 4 && last < 2_000)
  assert.equal(values.velo_sockets_shed_total, 4)
  assert.deepEqual(reader.heard, upTo(last))
  for (const socket of stuck) {
    socket.ws._socket.resume()
    assert.equal((await socket.close(patient)).code, 4100)
    assert.deepEqual(socket.heard, upTo(socket.heard.length))
  }
  const back = await listen(pusher(t, server), channel_name)
  await until(() => back.items.at(-1)?.data.record.n === last, 'the rest', patient)
})

test('a client that answers no pusher:ping hears little twice, and all of it', async (t) => {
  const server = await started(t, {})
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts)
  const open = async () => {
    const socket = await Socket.connect(t, server)
    const send = socket.ws.send.bind(socket.ws)
    socket.ws.send = (text, ...rest) => String(text).includes('pusher:pong') || send(text, ...rest)
    const heard = []
    socket.ws.on('message', (data) => {
      const frame = JSON.parse(data)
      if (frame.event === 'created') heard.push(dataOf(frame).record.n)
    })
    await socket.subscribe(channel_name)
    return { socket, heard }
  }
  const first = await open()
  const last = 1_000 // far more than may be unacknowledged
  for (let n = 1; n <= last; n += 1) await create(server, posts, { n })
  await until(() => first.heard.at(-1) === last, 'all of it', patient)
  assert.deepEqual(first.heard, upTo(last))
  // Acknowledged by the protocol's pongs within a second.
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  first.socket.ws.terminate()
  await first.socket.closed
  const second = await open()
  await create(server, posts, { n: last + 1 })
  await until(() => second.heard.at(-1) === last + 1, 'the next')
  assert.ok(second.heard.length <= 257, `${second.heard.length} were heard again`)
})

test('a peer that swallows everything is gone within activity and pong timeout', async (t) => {
  const server = await started(t, { VELO_PUSHER_ACTIVITY_TIMEOUT: '1s', VELO_PUSHER_PONG_TIMEOUT: '500ms' })
  const proxy = await FaultProxy.start(t, server)
  const socket = await Socket.connect(t, { url: proxy.target.url })
  assert.equal(await openSockets(server), 1)
  const begun = Date.now()
  proxy.now('stall')
  await until(async () => (await scrape(server))['velo_closes_total{code="4201"}'] === 1, 'the server to give it up')
  // And its descriptor after the time that a closing peer has to say goodbye.
  await until(async () => (await openSockets(server)) === 0, 'the connection to be gone')
  assert.ok(Date.now() - begun < 10_000)
  socket.ws.terminate()
})

// -- a real network that goes away ------------------------------------------------

const ip = '/usr/sbin/ip'
const name = `velo${process.pid}`
function namespaces() {
  if (process.getuid() !== 0 || !existsSync(ip)) return 'needs root and iproute2'
  try {
    execFileSync(ip, ['netns', 'add', `${name}-probe`], { stdio: 'ignore' })
    execFileSync(ip, ['netns', 'del', `${name}-probe`], { stdio: 'ignore' })
    return false
  } catch {
    return 'network namespaces are not allowed here'
  }
}

test('a peer whose network is gone is given up in time, whether data waits for it or not', { skip: namespaces() }, async (t) => {
  const run = (...args) => execFileSync(ip, args, { stdio: 'pipe' })
  const third = 1 + (process.pid % 250)
  const [here, there] = [`10.213.${third}.1`, `10.213.${third}.2`]
  const [outside, inside] = [`${name}a`.slice(-15), `${name}b`.slice(-15)]
  run('netns', 'add', name)
  afterwards(t, () => {
    try {
      run('link', 'del', outside)
    } catch {
      // It went with its namespace.
    }
    run('netns', 'del', name)
  })
  run('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', name)
  run('addr', 'add', `${here}/30`, 'dev', outside)
  run('link', 'set', outside, 'up')
  for (const args of [['addr', 'add', `${there}/30`, 'dev', inside], ['link', 'set', inside, 'up']]) run('-n', name, ...args)

  const server = await Server.start({ args: ['--host', '0.0.0.0'], env: { VELO_PUSHER_ACTIVITY_TIMEOUT: '2s', VELO_PUSHER_PONG_TIMEOUT: '1s' } })
  afterwards(t, () => server.close())
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts)
  const program = `
    import WebSocket from 'ws'
    const ws = new WebSocket('ws://${here}:${server.port}/app/velo-key?protocol=7')
    ws.on('message', (data) => {
      const frame = JSON.parse(data)
      if (frame.event === 'pusher:connection_established') ws.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel: '${channel_name}', auth: '' } }))
      if (frame.event === 'pusher_internal:subscription_succeeded') console.log('subscribed')
    })`
  for (const waits of [false, true]) {
    const client = spawn(ip, ['netns', 'exec', name, process.execPath, '--input-type=module', '-e', program], { cwd: import.meta.dirname ?? new URL('.', import.meta.url).pathname, stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(client, 'close')
    afterwards(t, () => {
      client.kill('SIGKILL')
      return ended
    })
    await within(20_000, once(client.stdout, 'data'), 'the client to subscribe')
    assert.equal(await openSockets(server), 1)
    run('-n', name, 'link', 'set', inside, 'down')
    const begun = Date.now()
    if (waits) for (let n = 1; n <= 20; n += 1) await create(server, posts, { n })
    await until(async () => (await openSockets(server)) === 0, 'the server to give it up', 30_000)
    // Silence, a ping, and what a closing peer may take: 2 + 1 + 3 s and the ticks between.
    assert.ok(Date.now() - begun < 12_000, `${Date.now() - begun} ms`)
    client.kill('SIGKILL')
    await ended
    run('-n', name, 'link', 'set', inside, 'up')
  }
})
