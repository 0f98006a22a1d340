// The whole server and its disk: durable writes over HTTP, and how soon a server
// accepts its first connection with a million stored subscriptions or changes.
//
//   ./dev bench restart [--count 1000000] [--seconds 3] [--directory .]
//
// The writers are bare sockets, a request under way on each: an HTTP library would
// be what is measured. Writes go to --directory's disk, with sync = always.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { binary, environment, secrets, Server, superuser } from '../tests/clients/support/server.mjs'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '3' },
    directory: { type: 'string', default: '.' },
  },
})
const fill = join(dirname(fileURLToPath(import.meta.url)), '../build/release/bench/storage')
if (!existsSync(fill)) throw new Error(`there is no ${fill}: ./dev build`)
const place = mkdtempSync(join(values.directory, 'velo-bench-'))
process.on('exit', () => rmSync(place, { recursive: true, force: true }))

// -- durable writes over HTTP -------------------------------------------------------

const body = JSON.stringify({ title: 'x'.repeat(150) })
const post = Buffer.from(
  `POST /api/collections/posts/records HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${superuser}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
)

/** Writes one record after another until `until`; resolves to how many were answered 201. */
function writer(port, until) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let got = ''
    let count = 0
    const next = () => (performance.now() < until ? socket.write(post) : (socket.destroy(), resolve(count)))
    socket.setNoDelay(true).on('error', reject).on('connect', next)
    socket.setEncoding('latin1').on('data', (text) => {
      got += text
      const head = got.indexOf('\r\n\r\n')
      if (head < 0) return
      const length = Number(/content-length: (\d+)/i.exec(got)[1])
      if (got.length < head + 4 + length) return
      if (!got.startsWith('HTTP/1.1 201')) return reject(new Error(got.slice(0, head)))
      got = ''
      count += 1
      next()
    })
  })
}

async function writes() {
  const server = await Server.start({ data: join(place, 'writes'), env: { VELO_LOG_LEVEL: 'error' } })
  await server.expect([200, 201], 'POST', '/api/collections', { token: superuser, json: { name: 'posts', rules: { create: '' } } })
  let one
  for (const writers of [1, 16, 256]) {
    const begun = performance.now()
    const until = begun + Number(values.seconds) * 1000
    const answered = await Promise.all(Array.from({ length: writers }, () => writer(server.port, until)))
    const rate = (answered.reduce((a, b) => a + b) / (performance.now() - begun)) * 1000
    one ??= rate
    console.log(`durable writes/s over HTTP, ${String(writers).padStart(3)} writers    ${rate.toFixed(0).padStart(8)}   ${(rate / one).toFixed(1).padStart(6)}x`)
  }
  await server.close()
}

// -- a start of the whole server ----------------------------------------------------

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

/** Tries until somebody accepts. */
async function accepted(port, deadline) {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const came = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false)
    socket.destroy()
    if (came) return performance.now()
    if (performance.now() > deadline) throw new Error('nobody accepts')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

async function start(data, what) {
  const port = await freePort()
  const begun = performance.now()
  const child = spawn(binary, ['serve', '--data', data, '--port', String(port)], { env: environment({ ...secrets, VELO_LOG_LEVEL: 'error' }), stdio: 'ignore' })
  const ended = once(child, 'close')
  try {
    const took = (await accepted(port, begun + 60_000)) - begun
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    const mib = (name) => (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024).toFixed(0)
    console.log(`first connection with ${what.padEnd(24)} ${(took / 1000).toFixed(3).padStart(7)} s   ${mib('VmRSS')} MiB resident (${mib('RssAnon')} of its own)`)
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

await writes()
for (const what of ['subscriptions', 'changes']) {
  const data = join(place, what)
  execFileSync(fill, ['--fill', data, '--with', what, '--count', values.count], { stdio: 'inherit' })
  await start(data, `${values.count} ${what}`)
  await start(data, `${values.count} ${what}, again`) // after kill -9
  rmSync(data, { recursive: true, force: true })
}
process.exit(0)
