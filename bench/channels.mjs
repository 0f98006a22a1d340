// Plain channels in numbers: what a join into a large presence channel costs, and
// what a subscribed channel takes of memory.
//
//   ./dev bench channels [--members 100,1000,10000] [--joins 20] [--channels 100000] [--sockets 1000]
//
// The clients are bare sockets that look for one user's id in what arrives: a
// library that parses each frame would be what is measured.
import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { app, Server } from '../tests/clients/support/server.mjs'

const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '100,1000,10000' },
    joins: { type: 'string', default: '20' },
    channels: { type: 'string', default: '100000' },
    sockets: { type: 'string', default: '1000' },
  },
})
const sizes = values.members.split(',').map(Number)
const joins = Number(values.joins)
const stepMax = 120_000 // ms, for anything that is waited for

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
const status = (server) => readFileSync(`/proc/${server.child.pid}/status`, 'utf8')
const rssBytes = (server) => Number(/VmRSS:\s+(\d+)/.exec(status(server))[1]) * 1024

/** Milliseconds of CPU time that all threads of the server have used. */
function cpuMs(server) {
  const fields = readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10 // clock ticks of 10 ms
}

function frame(text) {
  const body = Buffer.from(text)
  const mask = randomBytes(4)
  const length = body.length < 126 ? Buffer.from([0x80 | body.length]) : Buffer.from([0xfe, body.length >> 8, body.length & 0xff])
  for (let i = 0; i < body.length; i += 1) body[i] ^= mask[i & 3]
  return Buffer.concat([Buffer.from([0x81]), length, mask, body])
}

class Client {
  static open(port) {
    const client = new Client(connect(port, '127.0.0.1'))
    client.socket.write(
      `GET /app/${app.key}?protocol=7 HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    return client.sees('activity_timeout').then((text) => {
      client.id = /socket_id\\":\\"([\d.]+)/.exec(text)[1]
      return client
    })
  }

  constructor(socket) {
    this.socket = socket
    this.tail = ''
    socket.on('data', (bytes) => {
      if (this.wanted === undefined) return
      const text = this.tail + bytes.toString('latin1')
      if (text.includes(this.wanted)) return this.found(text)
      this.tail = text.slice(-256)
    })
    socket.on('error', () => {})
    socket.on('close', () => this.failed?.(new Error('the server closed a connection')))
  }

  /** Resolves with what arrived last once `text` has been in it. */
  sees(text) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nobody sent ${text} for ${stepMax} ms`)), stepMax)
      this.tail = ''
      this.wanted = text
      this.failed = reject
      this.found = (seen) => {
        clearTimeout(timer)
        this.wanted = undefined
        resolve(seen)
      }
    })
  }

  subscribe(channel) {
    this.socket.write(frame(JSON.stringify({ event: 'pusher:subscribe', data: { channel, auth: '' } })))
  }

  join(channel, user) {
    const data = JSON.stringify({ user_id: user, user_info: { name: `Member ${user}` } })
    const mac = createHmac('sha256', app.secret).update(`${this.id}:${channel}:${data}`).digest('hex')
    this.socket.write(
      frame(JSON.stringify({ event: 'pusher:subscribe', data: { channel, auth: `${app.key}:${mac}`, channel_data: data } })),
    )
  }
}

async function open(server, count) {
  const clients = []
  while (clients.length < count) {
    const some = Math.min(100, count - clients.length)
    clients.push(...(await Promise.all(Array.from({ length: some }, () => Client.open(server.port)))))
  }
  return clients
}

// Every client sees the join of the last one, so nothing is under way any more.
async function fill(clients, channel) {
  for (const [i, client] of clients.slice(0, -1).entries()) {
    const in_ = client.sees('subscription_succeeded')
    client.join(channel, `m${i}`)
    if (i % 64 === 63) await in_
    else in_.catch(() => {})
  }
  const last = clients.at(-1)
  const all = clients.slice(0, -1).map((c) => c.sees('last-of-all'))
  last.join(channel, 'last-of-all')
  await Promise.all(all)
}

async function measureJoins(members) {
  const server = await Server.start({
    env: { VELO_THREADS: '1', VELO_LIMITS_PRESENCE_MEMBERS: String(members + joins), VELO_LIMITS_OUTBOX_BYTES: '64MiB', VELO_LIMITS_OUTBOX_FRAMES: '1000000' },
  })
  const channel = 'presence-crowd'
  const crowd = await open(server, members)
  const newcomers = await open(server, joins)
  await fill(crowd, channel)
  const own = []
  const all = []
  const cpu = cpuMs(server)
  for (const [n, newcomer] of newcomers.entries()) {
    const heard = [...crowd, ...newcomers.slice(0, n)].map((c) => c.sees(`new-${n}-`))
    const started = performance.now()
    const in_ = newcomer.sees('subscription_succeeded').then(() => own.push(performance.now() - started))
    newcomer.join(channel, `new-${n}-`)
    await Promise.all([in_, ...heard])
    all.push(performance.now() - started)
  }
  const deliveries = joins * members + (joins * (joins - 1)) / 2
  const row = {
    members,
    'join answered, ms': median(own).toFixed(2),
    'all have member_added, ms': median(all).toFixed(2),
    'server CPU a join, ms': ((cpuMs(server) - cpu) / joins).toFixed(2),
    'server CPU a member_added, us': (((cpuMs(server) - cpu) * 1000) / deliveries).toFixed(2),
  }
  await server.stop()
  return row
}

async function measureMemory() {
  const [channels, sockets] = [Number(values.channels), Number(values.sockets)]
  const each = Math.floor(channels / sockets)
  const server = await Server.start({ env: { VELO_THREADS: '1', VELO_LIMITS_SUBSCRIPTIONS_PER_CONNECTION: String(each) } })
  const clients = await open(server, sockets)
  const before = rssBytes(server)
  const started = performance.now()
  await Promise.all(
    clients.map((client, i) => {
      const done = client.sees(`orders.customer-${i}.item-${each - 1}"`)
      for (let c = 0; c < each; c += 1) client.subscribe(`orders.customer-${i}.item-${c}`)
      return done
    }),
  )
  const row = {
    channels: each * sockets,
    sockets,
    'subscribes/s': Math.round((each * sockets * 1000) / (performance.now() - started)),
    'RSS bytes a subscribed channel': Math.round((rssBytes(server) - before) / (each * sockets)),
  }
  await server.stop()
  return row
}

console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}; server with one I/O thread`)
const rows = []
for (const members of sizes) rows.push(await measureJoins(members))
console.table(rows)
console.table([await measureMemory()])
process.exit(0)
