// What is installed: the Debian package serves an event and goes away cleanly, and
// programs build against the installed libraries.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { binary, temporaryDirectory } from './support/server.mjs'
import { connected, listen, pusher } from './support/clients.mjs'
import { request } from './support/http.mjs'
import { afterwards, Inbox, patience, within } from './support/wait.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const build = dirname(binary)
const run = promisify(execFile)
const long = { timeout: 300_000 } // compiling, on a busy machine
const skip =
  process.env.VELO_SANITIZED ? 'nobody installs a build with sanitizers'
  : existsSync(join(build, 'CMakeCache.txt')) ? false
  : `${build} is no build directory`

test('the Debian package installs, serves an event and is removed cleanly', { ...long, skip: skip || (process.getuid() !== 0 && 'needs root') }, async (t) => {
  const folder = temporaryDirectory()
  await run('cpack', ['-B', folder], { cwd: build, timeout: 120_000 })
  const debs = readdirSync(folder).filter((name) => name.endsWith('.deb'))
  assert.deepEqual(debs.map((name) => name.split('_')[0]).sort(), ['libvelo-dev', 'velo'])
  const { stdout: files } = await run('dpkg-deb', ['--fsys-tarfile', join(folder, debs.find((name) => name.startsWith('libvelo-dev')))], { encoding: 'buffer', maxBuffer: 1 << 28 })
  assert.ok(files.includes('usr/include/velo/actors/engine.hpp'))

  const child = spawn('bash', [join(root, 'tests/package/scratch_root.sh'), join(folder, debs.find((name) => name.startsWith('velo_')))], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  afterwards(t, async () => {
    child.stdin.end()
    await within(patience, ended, 'the scratch root to end')
  })
  const lines = new Inbox('lines of the scratch root')
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop()
    for (const line of parts) lines.push(line)
  })
  const find = async (pattern) => pattern.exec(await lines.find((line) => pattern.test(line) || line.startsWith('scratch_root: no '), 120_000))?.[1]
  const token = await find(/superuser token +(\S+)/)
  if (token === undefined) return t.skip('no overlayfs or no mount namespace here')
  const server = { url: await find(/^velo ready on (\S+)/) }
  server.port = Number(new URL(server.url).port)
  const key = await find(/app key +(\S+)/)

  const made = await request('POST', `${server.url}/api/collections`, { token, json: { name: 'posts', rules: { list: '', view: '', create: '' } } })
  assert.equal(made.status, 201, made.text)
  const client = pusher(t, server, { key })
  await connected(client)
  const subscribed = await request('POST', `${server.url}/api/realtime/subscribe`, { json: { collection: 'posts', filter: 'title = "hello"', socket_id: client.connection.socket_id } })
  const channel = await listen(client, subscribed.body.channel_name)
  await request('POST', `${server.url}/api/collections/posts/records`, { json: { title: 'hello' } })
  assert.equal((await channel.next()).data.record.title, 'hello')
  client.disconnect()

  child.stdin.write('\n')
  await lines.find((line) => line === 'removed', patience)
  const [code] = await within(patience, ended, 'the scratch root to end')
  assert.equal(code, 0)
})

test('programs build against the installed package and run', { ...long, skip }, async () => {
  const [prefix, out] = [temporaryDirectory(), temporaryDirectory()]
  await run('cmake', ['--install', build, '--prefix', prefix, '--component', 'development'], { maxBuffer: 1 << 24 })
  const launcher = /^CCACHE_PROGRAM:FILEPATH=(\/.*)$/m.exec(readFileSync(join(build, 'CMakeCache.txt'), 'utf8'))?.[1]
  await run('cmake', ['-S', join(root, 'examples'), '-B', out, '-G', 'Ninja', `-DCMAKE_PREFIX_PATH=${prefix}`, ...(launcher ? [`-DCMAKE_CXX_COMPILER_LAUNCHER=${launcher}`] : [])])
  await run('cmake', ['--build', out, '--parallel', '2'], { timeout: 250_000, maxBuffer: 1 << 24 })

  const data = () => join(temporaryDirectory(), 'data')
  const minimal = await run(join(out, 'embed_minimal'), [data()])
  assert.match(minimal.stdout, /^\{.*"title":"Hello".*\}\nForbidden|^\{.*"title":"Hello".*\}\nUnauthenticated/)

  // The second run begins where the first one was, with an order that came in between.
  const [kept, place] = [data(), join(temporaryDirectory(), 'place')]
  const totals = async () => (await run(join(out, 'embed_in_caf_app'), [kept, place])).stdout.trim().split('\n').map((line) => line.split(': ')[1])
  assert.deepEqual(await totals(), ['250', '700'])
  assert.deepEqual(await totals(), ['1000', '250', '700'])

  const file = join(temporaryDirectory(), 'events.ndjson')
  await run(join(out, 'custom_driver'), [data(), file])
  const events = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
  assert.equal(events.length, 1)
  assert.equal(events[0].payload.record.title, 'Hello')
  assert.match(events[0].channels[0], /^velo\.realtime\./)

  const matcher = await run(join(out, 'rules_only'), ['{"price": 12, "tags": ["red"]}', 'price > 10', 'tags ?= "blue"', 'tags ?= "red"'])
  assert.equal(matcher.stdout, 'price > 10\ntags ?= "red"\n')
  await assert.rejects(run(join(out, 'rules_only'), ['{}', 'price >']), /column/)

  // For those who do not use CMake.
  const { stdout: flags } = await run('pkg-config', ['--cflags', '--libs', 'velo'], { env: { ...process.env, PKG_CONFIG_PATH: `${prefix}/lib/pkgconfig:${prefix}/lib/x86_64-linux-gnu/pkgconfig` } })
  assert.match(flags, /-lvelo_rules/)
  await run('c++', [join(root, 'examples/rules_only.cpp'), '-o', join(out, 'by-hand'), ...flags.trim().split(/\s+/)], { timeout: 200_000 })
  assert.equal((await run(join(out, 'by-hand'), ['{"a": 1}', 'a = 1', 'a = 2'])).stdout, 'a = 1\n')
})
