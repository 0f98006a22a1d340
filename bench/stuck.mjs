// Whether clients that read nothing delay the others: rounds with and without them
// take turns on one server, and the ratio of their p99 is what counts.
//
//   ./dev bench stuck [--clients 1000] [--stuck 100] [--rounds 3] [--changes 400] [--rate 50]
//
// All clients listen on one record channel, bare sockets that count what arrives. A
// stuck one stops reading and acknowledges nothing: from the 257th event on all waits
// for it in the server, until it is sent away. Latency is from the begin of a write to its
// arrival at a client.
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { app, Server, superuser } from '../tests/clients/support/server.mjs'

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1000' },
    stuck: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    changes: { type: 'string', default: '400' },
    rate: { type: 'string', default: '50' },
    bytes: { type: 'string', default: '300' },
  },
})
const [clientCount, stuckCount, rounds, changes, rate, bytes] = ['clients', 'stuck', 'rounds', 'changes', 'rate', 'bytes'].map((name) => Number(values[name]))
const patience = 120_000

const server = await Server.start({
  env: {
    VELO_THREADS: '1',
    VELO_LOG_LEVEL: 'error',
    VELO_STORAGE_SYNC: 'interval',
    VELO_LIMITS_SOCKETS_PER_RECORD_CHANNEL: String(clientCount * 2),
    VELO_LIMITS_OUTBOX_FRAMES: '64',
  },
})
await server.expect([200, 201], 'POST', '/api/collections', { token: superuser, json: { name: 'posts', rules: { list: '', create: '' } } })
const { channel_name } = await server.expect(200, 'POST', '/api/realtime/subscribe', { json: { collection: 'posts' } })

function frame(text) {
  const body = Buffer.from(text)
  const head = body.length < 126 ? Buffer.from([0x81, 0x80 | body.length]) : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 0xff])
  return Buffer.concat([head, Buffer.alloc(4), body]) // the mask may be zero
}
const pong = frame('{"event":"pusher:pong","data":{}}')

const begun = [] // by the number of a change
let taken // where latencies go

class Client {
  static open() {
    const client = new Client()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('a client could not subscribe')), patience)
      client.ready = () => (clearTimeout(timer), resolve(client))
      client.socket.on('error', reject)
    })
  }

  constructor() {
    this.heard = 0
    this.text = ''
    this.socket = connect(server.port, '127.0.0.1')
    this.socket.setEncoding('latin1')
    this.socket.write(
      `GET /app/${app.key}?protocol=7 HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    this.socket.on('data', (text) => this.receive(text))
    this.socket.on('close', () => (this.closed = true))
  }

  receive(text) {
    const now = performance.now()
    this.text += text
    if (this.ready) {
      if (this.text.includes('connection_established') && !this.asked) {
        this.asked = true
        this.socket.write(frame(JSON.stringify({ event: 'pusher:subscribe', data: { channel: channel_name, auth: '' } })))
      }
      if (!this.text.includes('subscription_succeeded')) return
      this.ready()
      this.ready = undefined
      this.text = ''
      return
    }
    const between = this.text.split('pusher:ping')
    for (let pings = between.length - 1; pings > 0; pings -= 1) this.socket.write(pong)
    this.text = between.join('')
    const mark = /#(\d+)#/g
    let end = 0
    for (let found; (found = mark.exec(this.text)); end = mark.lastIndex) {
      const n = Number(found[1])
      if (n <= this.heard) continue
      if (n !== this.heard + 1 && this.heard !== 0) this.gaps = true
      this.heard = n
      taken?.push(now - begun[n])
    }
    this.text = this.text.slice(Math.max(end, this.text.length - 64))
  }
}

async function crowd(count) {
  const clients = []
  while (clients.length < count) clients.push(...(await Promise.all(Array.from({ length: Math.min(50, count - clients.length) }, () => Client.open()))))
  return clients
}

let last = 0
async function round(stuck) {
  const clients = await crowd(clientCount)
  for (const client of clients) client.heard = last
  const still = clients.filter((_, i) => stuck && i % Math.floor(clientCount / stuckCount) === 0).slice(0, stuckCount)
  for (const { socket } of still) socket.pause()
  const others = clients.filter((client) => !still.includes(client))
  taken = []
  const padding = 'x'.repeat(bytes)
  const start = performance.now()
  for (let i = 1; i <= changes; i += 1) {
    const wait = start + (i * 1000) / rate - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    last += 1
    begun[last] = performance.now()
    await server.expect(201, 'POST', '/api/collections/posts/records', { json: { mark: `#${last}#`, padding } })
  }
  for (const deadline = performance.now() + patience; others.some(({ heard }) => heard !== last); ) {
    if (performance.now() > deadline) throw new Error('somebody did not hear all')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const sorted = Float64Array.from(taken).sort()
  taken = undefined
  if (sorted.length !== others.length * changes || others.some(({ gaps }) => gaps)) throw new Error('somebody heard something twice or not at all')
  for (const { socket } of still) socket.resume()
  const gone = async () => {
    for (const deadline = performance.now() + 10_000; still.some(({ closed }) => !closed); ) {
      if (performance.now() > deadline) return
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  if (stuck) await gone()
  const sentAway = still.filter(({ closed }) => closed).length
  for (const { socket } of clients) socket.destroy()
  return { p50: sorted[Math.floor(sorted.length * 0.5)], p99: sorted[Math.floor(sorted.length * 0.99)], sentAway }
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}; ${clientCount} clients, ${stuckCount} of them stuck in every other round; ${changes} changes of ${bytes} bytes, ${rate}/s`)
await round(false) // warms both sides up
const ratios = []
for (let i = 0; i < rounds; i += 1) {
  const [first, second] = [await round(i % 2 === 1), await round(i % 2 === 0)]
  const [without, with_] = i % 2 === 1 ? [second, first] : [first, second]
  ratios.push(with_.p99 / without.p99)
  console.log(`p50 ${without.p50.toFixed(2)} ms, p99 ${without.p99.toFixed(2)} ms; with stuck ones p50 ${with_.p50.toFixed(2)} ms, p99 ${with_.p99.toFixed(2)} ms: ${ratios.at(-1).toFixed(2)}x; ${with_.sentAway} sent away`)
}
console.log(`p99 of the others with ${stuckCount} stuck of ${clientCount}, to without: ${median(ratios).toFixed(2)}x (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}); goal: at most 1.5x`)
await server.close()
process.exit(0)
