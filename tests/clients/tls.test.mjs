// TLS, plain and Unix sockets at once: what stock clients get over each, and what
// a listener does with those that are none.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import WebSocket from 'ws'
import { app, environment, Server, temporaryDirectory, velo } from './support/server.mjs'
import { official } from './support/apps.mjs'
import { Raw, Socket } from './support/socket.mjs'
import { selfSigned, withTls } from './support/tls.mjs'
import { afterwards, Inbox, patience, until, within } from './support/wait.mjs'
import { request } from './support/http.mjs'
import { collection, create, subscribe } from './support/velo.mjs'

const listenScript = join(dirname(fileURLToPath(import.meta.url)), 'listen.mjs')

async function started(t, options) {
  const server = await Server.start(options)
  afterwards(t, () => server.close())
  return server
}

/** Stock pusher-js in a process of its own, which believes what `extra` holds. */
function listener(t, server, name, extra) {
  const child = spawn('node', [listenScript, server.url, app.key, name], {
    env: environment(extra ? { NODE_EXTRA_CA_CERTS: extra } : {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  afterwards(t, () => child.kill('SIGKILL'))
  const lines = new Inbox('lines of listen.mjs')
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream.setEncoding('utf8').on('data', (text) => {
      const parts = (rest + text).split('\n')
      rest = parts.pop()
      for (const line of parts) lines.push(line)
    })
  }
  return lines
}

/** The common name of the certificate that a new client is shown. */
async function shownBy(server) {
  const socket = tls.connect({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
  await within(patience, once(socket, 'secureConnect'), 'a TLS handshake')
  const name = socket.getPeerCertificate().subject.CN
  assert.equal(socket.alpnProtocol, 'http/1.1')
  socket.destroy()
  return name
}

async function metrics(server) {
  const { text } = await server.request('GET', '/metrics')
  return Object.fromEntries(text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(' ')).map(([name, value]) => [name, Number(value)]))
}

test('stock pusher-js subscribes over wss where it believes the certificate, and only there', async (t) => {
  const options = withTls()
  const server = await started(t, options)
  assert.match(server.url, /^https:/)
  const posts = await collection(server)
  const believing = listener(t, server, posts, options.pair.certificate)
  await believing.find((line) => line.startsWith('listening on'))
  const doubting = listener(t, server, posts)
  await until(async () => (await metrics(server)).velo_tls_failures_total > 0, 'the other to hang up')
  await create(server, posts, { title: 'over TLS' })
  assert.match(await believing.find((line) => line.startsWith('created')), /over TLS/)
  assert.equal(doubting.items.some((line) => line.startsWith('listening')), false)
})

test('plain, TLS and Unix socket serve at once, and drain together', async (t) => {
  const folder = temporaryDirectory()
  const pair = selfSigned(folder)
  const socketPath = join(folder, 'velo.sock')
  const config = join(folder, 'velo.toml')
  writeFileSync(config, `
listeners = [
  { port = 0 },
  { port = 0, tls = true },
  { unix = "${socketPath}", mode = "0600" },
]
[tls]
certificate = "${pair.certificate}"
key = "${pair.key}"
`)
  const server = new Server({ args: ['--config', config], ca: pair.ca, env: { VELO_DRAIN_TIME: '0s' } })
  afterwards(t, () => server.close())
  await server.launch(undefined)
  const secure = { url: /velo listens on (https:\S+)/.exec(server.output)[1], ca: pair.ca }
  assert.match(server.output, new RegExp(`velo listens on unix:${socketPath}`))
  assert.equal(statSync(socketPath).mode & 0o777, 0o600)
  assert.equal((await server.request('GET', '/up')).status, 200)
  assert.equal((await request('GET', `${secure.url}/up`, { ca: pair.ca })).status, 200)
  assert.equal((await request('GET', 'http://localhost/up', { socketPath })).status, 200)

  const overUnix = new WebSocket(`ws+unix://${socketPath}:/app/${app.key}?protocol=7`)
  const frames = new Inbox('frames over the Unix socket')
  overUnix.on('message', (data) => frames.push(JSON.parse(data)))
  const closedUnix = once(overUnix, 'close')
  const sockets = [await Socket.connect(t, server), await Socket.connect(t, secure)]
  assert.equal((await frames.next()).event, 'pusher:connection_established')
  for (const socket of sockets) await socket.subscribe('news')
  overUnix.send('{"event":"pusher:subscribe","data":{"channel":"news"}}')
  await frames.find(({ event }) => event === 'pusher_internal:subscription_succeeded')
  await official(server).trigger('news', 'hello', { to: 'all' })
  for (const socket of sockets) assert.equal((await socket.frames.find(({ event }) => event === 'hello')).channel, 'news')
  assert.equal((await frames.find(({ event }) => event === 'hello')).channel, 'news')

  process.kill(server.pid, 'SIGTERM')
  for (const socket of sockets) assert.equal((await socket.close()).code, 4100)
  assert.equal((await within(patience, closedUnix, 'the close over the Unix socket'))[0], 4100)
  assert.deepEqual(await within(patience, server.exited, 'the end'), { code: 0, signal: null })
  assert.equal(existsSync(socketPath), false)
})

test('a stale Unix socket is replaced, one that is in use and a plain file are not', async (t) => {
  const folder = temporaryDirectory()
  const socketPath = join(folder, 'velo.sock')
  const config = join(folder, 'velo.toml')
  writeFileSync(config, `listeners = [{ unix = "${socketPath}" }]\n`)
  const options = { args: ['--config', config] }
  const first = await started(t, options)
  const refused = new Server(options)
  await assert.rejects(refused.launch(0), /cannot listen on unix:.*in use/s)
  await first.crash()
  assert.ok(existsSync(socketPath))
  const second = await started(t, options)
  assert.equal((await request('GET', 'http://localhost/up', { socketPath })).status, 200)
  await second.stop()
  writeFileSync(socketPath, 'mine')
  const third = new Server(options)
  await assert.rejects(third.launch(0), /in use/)
  assert.equal(readFileSync(socketPath, 'utf8'), 'mine')
})

test('a new certificate is for new connections; a broken one is for nobody', async (t) => {
  const options = withTls()
  const server = await started(t, options)
  const { certificate, key } = options.pair
  const folder = dirname(certificate)
  const socket = await Socket.connect(t, server)
  await socket.subscribe('news')
  const alive = async (text) => {
    const answer = await socket.ping()
    assert.equal(answer.event, 'pusher:pong', text)
  }
  assert.equal(await shownBy(server), 'velo')

  const next = temporaryDirectory()
  const renewed = selfSigned(next, 'renewed')
  renameSync(renewed.key, key)
  renameSync(renewed.certificate, certificate)
  await until(async () => (await shownBy(server)) === 'renewed', 'the new certificate')
  await alive('after the renewal')

  writeFileSync(certificate, 'broken')
  await until(async () => {
    assert.equal(await shownBy(server), 'renewed')
    return /the new certificate is not used/.test(server.log)
  }, 'the log to say so')
  await alive('after the broken one')

  selfSigned(folder, 'mended')
  await until(async () => (await shownBy(server)) === 'mended', 'the mended certificate')
  await alive('at the end')
  assert.equal(socket.ws.readyState, WebSocket.OPEN)
})

test('what is no TLS is told so or let go of, and counted', async (t) => {
  const server = await started(t, withTls({ env: { VELO_LIMITS_HANDSHAKE_TIMEOUT: '300ms' } }))
  const connect = async () => {
    const socket = net.connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true })
    afterwards(t, () => socket.destroy())
    await within(patience, once(socket, 'connect'), 'a connection')
    return new Raw(socket)
  }
  const plain = await connect()
  plain.write('GET /up HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.match(await plain.until(/https or wss/), /^HTTP\/1\.1 400 /)
  const nonsense = await connect()
  nonsense.write('\x00\x01\x02 nothing that anybody speaks')
  await nonsense.end()
  // Says nothing; says the beginning of a ClientHello and no more; trickles it.
  const silent = await connect()
  const half = await connect()
  half.write(Buffer.from('1603010200010001fc0303', 'hex'))
  const trickling = await connect()
  const bytes = Buffer.from('1603010200010001fc0303' + '00'.repeat(500), 'hex')
  let at = 0
  const timer = setInterval(() => trickling.write(bytes.subarray(at, (at += 1))), 20)
  afterwards(t, () => clearInterval(timer))
  for (const socket of [silent, half, trickling]) await socket.end()
  const counted = await metrics(server)
  assert.equal(counted.velo_tls_failures_total, 5)
  assert.equal(counted['velo_limits_met_total{limit="handshake_timeout"}'], 3)
  assert.ok(counted.velo_tls_handshakes_total >= 1)
})

test('fan-out over TLS: a slow reader gets all of it in order, and holds nobody up', async (t) => {
  const server = await started(t, withTls({ env: { VELO_LIMITS_OUTBOX_BYTES: '64MiB', VELO_LIMITS_OUTBOX_FRAMES: '100000' } }))
  const posts = await collection(server)
  const join = async () => {
    const socket = await Socket.connect(t, server)
    await socket.subscribe((await subscribe(server, posts)).channel_name)
    return socket
  }
  const slow = await join()
  const quick = await join()
  slow.ws._socket.pause()
  const sizes = [10, 3000, 40_000, 200_000]
  const rounds = 60
  for (let n = 0; n < rounds; n += 1) await create(server, posts, { n, text: 'x'.repeat(sizes[n % sizes.length]) })
  const numbers = async (socket) => {
    const seen = []
    while (seen.length < rounds) {
      const { record } = JSON.parse((await socket.frames.find(({ event }) => event === 'created')).data)
      assert.equal(record.text.length, sizes[record.n % sizes.length])
      seen.push(record.n)
    }
    return seen
  }
  const expected = Array.from({ length: rounds }, (_, n) => n)
  assert.deepEqual(await numbers(quick), expected)
  slow.ws._socket.resume()
  assert.deepEqual(await numbers(slow), expected)
})

test('a reader over TLS that reads nothing is closed at the limit', async (t) => {
  const server = await started(t, withTls({ env: { VELO_LIMITS_OUTBOX_BYTES: '256KiB' } }))
  const posts = await collection(server)
  const socket = await Socket.connect(t, server)
  await socket.subscribe((await subscribe(server, posts)).channel_name)
  socket.ws._socket.pause()
  const met = () => metrics(server).then((counted) => counted['velo_limits_met_total{limit="outbox"}'] > 0)
  for (let n = 0; n < 400 && !(await met()); n += 1) await create(server, posts, { text: 'x'.repeat(100_000) })
  assert.ok(await met())
  socket.ws._socket.resume()
  assert.equal((await socket.close()).code, 4100)
})

test('an idle connection over TLS holds no buffers', { skip: process.env.VELO_SANITIZED && 'a server with sanitizers has memory of its own' }, async (t) => {
  const resident = (server) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1])
  const count = 300
  const cost = async (options) => {
    const server = await started(t, options)
    for (let n = 0; n < 20; n += 1) await Socket.connect(t, server) // what is made once
    const before = resident(server)
    for (let n = 0; n < count; n += 20) await Promise.all(Array.from({ length: 20 }, () => Socket.connect(t, server)))
    return (resident(server) - before) / count
  }
  const plain = await cost({ env: { VELO_THREADS: '1' } })
  const secure = await cost(withTls({ env: { VELO_THREADS: '1' } }))
  t.diagnostic(`an idle WebSocket takes ${plain.toFixed(1)} KiB plain, ${secure.toFixed(1)} KiB over TLS`)
  // OpenSSL's two record buffers alone would be 34 KiB.
  assert.ok(secure - plain < 34, `${secure - plain} KiB`)
})

test('configuration: what does not fit together is said', async () => {
  const pair = selfSigned()
  const check = async (text) => {
    const path = join(temporaryDirectory(), 'velo.toml')
    writeFileSync(path, text)
    return velo(['check-config', '--config', path])
  }
  const tlsTable = `[tls]\ncertificate = "${pair.certificate}"\nkey = "${pair.key}"\n`
  for (const [text, hint] of [
    ['listeners = [{ port = 1, tls = true }]', /tls\.certificate/],
    [`[tls]\ncertificate = "${pair.certificate}"`, /tls\.key/],
    [`listeners = [{ port = 1 }]\n${tlsTable}`, /No listener speaks TLS/],
    ['listeners = [{ port = 1, unix = "/tmp/a" }]', /either/],
    ['listeners = [{ host = "::" }]', /port/],
    ['listeners = [{ prot = 1 }]', /port/],
    ['listeners = [{ unix = "/tmp/a", mode = "rw" }]', /mode/],
    ['listeners = 8080', /list of tables/],
    ['trusted_proxies = ["somewhere"]', /not a network/],
  ]) {
    const { code, stderr } = await check(text)
    assert.equal(code, 1, text)
    assert.match(stderr, hint)
  }
  const shown = await check(`listeners = [{ port = 8081 }, { port = 8443, tls = true }, { unix = "/run/velo.sock" }]\n${tlsTable}`)
  assert.equal(shown.code, 0, shown.stderr)
  // What it shows is a configuration that says the same.
  const again = await check(shown.stdout)
  assert.equal(again.code, 0, again.stderr)
  const without = (text) => text.replace(/ *#.*$/gm, '')
  assert.equal(without(again.stdout), without(shown.stdout))
  assert.match(shown.stdout, /\[\[listeners\]\][\s\S]*port = 8443\ntls = true/)
})

test('a pair that is none stops the start with a sentence', async () => {
  const pair = selfSigned()
  const other = selfSigned()
  const { code, stderr } = await velo(['serve', '--data', temporaryDirectory(), '--port', '0'], {
    env: { VELO_TLS_CERTIFICATE: pair.certificate, VELO_TLS_KEY: other.key },
  })
  assert.equal(code, 1)
  assert.match(stderr, /key\.pem: The key cannot be used with .*mismatch/)
})
