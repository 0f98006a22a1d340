// Socket activation: the listening socket is somebody else's and stays open while
// the server is restarted, so that stock clients wait instead of being refused.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { app, binary, environment, secrets, temporaryDirectory } from './support/server.mjs'
import { connected, inState, pusher } from './support/clients.mjs'
import { official } from './support/apps.mjs'
import { request } from './support/http.mjs'
import { afterwards, Inbox, patience, within } from './support/wait.mjs'

const parent = join(dirname(fileURLToPath(import.meta.url)), 'support/socket_parent.py')

async function activated(t, env = {}, { before = [], args = ['--port', '1'] } = {}) {
  const child = spawn('python3', [parent, ...before, binary, 'serve', '--data', temporaryDirectory(), ...args], {
    env: environment({ ...secrets, ...env }),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  afterwards(t, async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await within(patience, once(child, 'close'), 'the parent to end')
  })
  const lines = new Inbox('lines of the parent')
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop()
    for (const line of parts) lines.push(line)
  })
  const find = async (pattern) => pattern.exec(await lines.find((line) => pattern.test(line)))[1]
  const server = { port: Number(await find(/^port (\d+)/)), find }
  server.url = `http://127.0.0.1:${server.port}`
  server.pid = Number(await find(/^child (\d+)/))
  await find(/^(velo ready)/)
  return server
}

test('over a restart with socket activation a stock client is away for about a second', async (t) => {
  const server = await activated(t) // drained over 3 s, as by default
  const client = pusher(t, server)
  const first = await connected(client)
  const heard = new Inbox('events')
  const channel = client.subscribe('news')
  await within(patience, new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve)), 'the subscription')
  channel.bind('hello', (data) => heard.push(data))
  let failures = 0
  client.connection.bind('state_change', ({ current }) => (failures += current === 'unavailable' ? 1 : 0))

  // The client's state stays what it was until it tries again; this it says at once.
  const away = new Promise((resolve) => client.connection.bind('connecting_in', () => resolve(performance.now())))
  process.kill(server.pid, 'SIGTERM')
  const left = await within(patience, away, 'the close')
  await inState(client, 'connecting')
  const second = await connected(client)
  const took = Math.round(performance.now() - left)
  t.diagnostic(`a stock pusher-js client was away for ${took} ms`)
  assert.notEqual(second, first)
  assert.equal(failures, 0)
  await within(patience, new Promise((resolve) => channel.bind('pusher:subscription_succeeded', resolve)), 'the subscription again')
  await official(server).trigger('news', 'hello', 'again')
  assert.equal(await heard.next(), 'again')
})

test('no connection is refused while the server is away', async (t) => {
  const server = await activated(t, { VELO_DRAIN_TIME: '0s' })
  for (let round = 0; round < 3; round += 1) {
    process.kill(server.pid, 'SIGTERM')
    server.pid = 0
    // Asked at once and again and again: each waits for whoever comes next.
    const answers = Promise.all(Array.from({ length: 20 }, () => request('GET', `${server.url}/`).then(({ status }) => status)))
    server.pid = Number(await server.find(/^child (\d+)/))
    for (const status of await within(patience, answers, 'the answers')) assert.ok(status < 500, String(status))
    await server.find(/^(velo ready)/)
  }
  assert.equal(app.id, 'velo')
})

test('several sockets stand for the listeners, in their order', async (t) => {
  const folder = temporaryDirectory()
  const socketPath = join(folder, 'velo.sock')
  const config = join(folder, 'velo.toml')
  writeFileSync(config, 'listeners = [{ port = 1 }, { unix = "/nowhere/velo.sock" }]\n')
  const server = await activated(t, { VELO_DRAIN_TIME: '0s' }, { before: ['--unix', socketPath], args: ['--config', config] })
  for (let round = 0; round < 2; round += 1) {
    assert.equal((await request('GET', `${server.url}/up`)).status, 200)
    assert.equal((await request('GET', 'http://localhost/up', { socketPath })).status, 200)
    process.kill(server.pid, 'SIGTERM')
    server.pid = Number(await server.find(/^child (\d+)/))
    await server.find(/^(velo ready)/)
  }
})

test('another number of sockets than of listeners is refused with a sentence', async (t) => {
  const child = spawn('python3', [parent, '--unix', join(temporaryDirectory(), 'velo.sock'), binary, 'serve', '--data', temporaryDirectory(), '--port', '1'], {
    env: environment(secrets),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  afterwards(t, async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await within(patience, once(child, 'close'), 'the parent to end')
  })
  const lines = new Inbox('lines of the server')
  child.stderr.setEncoding('utf8').on('data', (text) => lines.push(text))
  await lines.find((text) => /handed over 2 sockets for 1 listeners/.test(text))
})

test('what is no listening socket is refused with a sentence', async () => {
  const child = spawn('sh', ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"', binary, 'serve', '--data', temporaryDirectory(), '--port', '0'], {
    env: environment(secrets),
    stdio: ['ignore', 'ignore', 'pipe', 'ignore'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text))
  const [code] = await within(patience, once(child, 'close'), 'the end')
  assert.equal(code, 1)
  assert.match(said, /no listening TCP socket/)
})
