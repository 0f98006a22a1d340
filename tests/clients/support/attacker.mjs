// Attacks, each in a process of its own. Once it is under way its priority is low: on a
// machine of two cores who sends at line rate would take the time of the server and of who
// is measured, which says nothing of the server. It is not the lowest: on a machine that
// others use there would be no attack. Bounded by `stop`: the test ends it, and with it
// every socket.
import net from 'node:net'
import tls from 'node:tls'
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterwards, patience, within } from './wait.mjs'

const upgradeHead = (key) =>
  `GET /app/${key}?protocol=7 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n`

/** A masked text frame; the mask is zero, which is as good as any to a server. */
export function textFrame(text, firstByte = 0x81) {
  const payload = Buffer.from(text)
  const length = payload.length
  const head = length < 126 ? Buffer.from([firstByte, 0x80 | length]) : Buffer.from([firstByte, 0xfe, length >> 8, length & 255])
  return Buffer.concat([head, Buffer.alloc(4), payload])
}

/** Starts `attack` (a key of `attacks`); resolves once it is under way. */
export async function attack(t, name, options) {
  const env = { ...process.env, VELO_ATTACK: name }
  const child = fork(fileURLToPath(import.meta.url), [], { env, serialization: 'advanced' })
  const counts = { opened: 0, ended: 0, bytes: 0, answered: {} }
  const ended = once(child, 'exit').then(([code, signal]) => {
    if (signal !== 'SIGKILL') throw new Error(`the attack ${name} has ended by itself: ${signal ?? code}`)
  })
  ended.catch(() => {})
  const stop = () => {
    child.kill('SIGKILL')
    return ended
  }
  afterwards(t, () => stop().catch(() => {}))
  const begun = new Promise((resolve) => {
    child.on('message', (message) => {
      Object.assign(counts, message)
      if (message.begun) resolve()
    })
  })
  child.send(options)
  await within(patience * 3, Promise.race([begun, ended]), `the attack ${name} to be under way`)
  return { counts, stop }
}

// -- in the process ------------------------------------------------------------------

const counts = { opened: 0, ended: 0, bytes: 0, answered: {} }

function connect({ port, secure }, { reads = true, answers = true } = {}) {
  return new Promise((resolve) => {
    const to = { host: '127.0.0.1', port }
    const socket = secure ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to)
    socket.on(secure ? 'secureConnect' : 'connect', () => {
      counts.opened += 1
      socket.setNoDelay(true)
      resolve(socket)
    })
    if (reads) {
      socket.on('data', (chunk) => {
        if (!answers && socket.answered) return // frames, which have no status
        socket.answered = true
        for (const [, status] of chunk.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g)) counts.answered[status] = (counts.answered[status] ?? 0) + 1
      })
    }
    socket.on('error', () => resolve(socket))
    socket.on('close', () => (counts.ended += 1))
  })
}

/** Keeps `count` connections that `begin` opens, each anew `every` ms after it was closed. */
async function keep({ count, every = 50, pace = 200 }, begin) {
  const one = async () => {
    const socket = await begin()
    const anew = () => setTimeout(one, every)
    if (socket.destroyed) anew()
    else socket.on('close', anew)
  }
  for (let n = 0; n < count; n += pace) await Promise.all(Array.from({ length: Math.min(pace, count - n) }, one))
}

/** `count` connections at all times, each of which says `first`, then `drip` for ever. */
async function dripping(options, first, drip) {
  const sockets = new Set()
  await keep(options, async () => {
    const socket = await connect(options)
    if (socket.destroyed) return socket
    sockets.add(socket)
    socket.write(first)
    socket.on('end', () => socket.end())
    socket.on('close', () => sockets.delete(socket))
    return socket
  })
  setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write(drip)
  }, options.every ?? 50)
}

/** Writes `chunk` as fast as the socket takes it. */
function flood(socket, chunk) {
  const go = () => {
    for (let n = 0; n < 64 && !socket.destroyed; n += 1) {
      counts.bytes += chunk.length
      if (!socket.write(chunk)) return void socket.once('drain', go)
    }
    if (!socket.destroyed) setImmediate(go)
  }
  go()
}

async function upgraded(options, reads = true) {
  const socket = await connect(options, { answers: false })
  if (socket.destroyed) return socket
  const answer = new Promise((resolve) => socket.once('data', resolve).once('close', resolve))
  socket.write(`${upgradeHead(options.key)}\r\n`)
  await answer
  if (!reads) socket.pause()
  return socket
}

const attacks = {
  'slow headers': (o) => dripping(o, 'GET /up HTTP/1.1\r\nHost: a\r\n', 'X-A: b\r\n'),
  'slow body': (o) => dripping(o, `POST /api/realtime/subscribe HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${o.announced}\r\n\r\n{`, ' '),
  'slow chunks': (o) => dripping(o, 'POST /api/realtime/subscribe HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\n \r\n'),
  'slow upgrade': (o) => dripping(o, upgradeHead(o.key), 'X-A: b\r\n'),
  /** The beginning of a ClientHello of 508 bytes, and a byte of it now and then. */
  'slow handshake': (o) => dripping({ ...o, secure: false }, Buffer.from('1603010200010001fc0303', 'hex'), Buffer.alloc(1)),
  'half-open': (o) => dripping(o, '', ''),
  /** Connections, upgraded where `upgrade` says so, that say all of `says` over and over. */
  'line rate': (o) => {
    const once = Buffer.concat(o.says)
    const many = Buffer.concat(Array(Math.ceil(65_536 / once.length)).fill(once))
    return keep(o, async () => {
      const socket = o.upgrade ? await upgraded(o, o.reads) : await connect(o, { reads: o.reads })
      flood(socket, many)
      return socket
    })
  },
  /** Connections that say the next of `says`, read what comes until the server ends them, and come back at once. */
  'again and again': (o) => {
    let n = 0
    return keep({ every: 0, ...o }, async () => {
      const socket = o.upgrade ? await upgraded(o) : await connect(o)
      const said = o.says[n++ % o.says.length]
      counts.bytes += said.length
      socket.write(said)
      return socket
    })
  },
  /** WebSockets on a channel that read nothing of what `says` has sent there; they come back when they are sent away. */
  'never reads': async (o) => {
    await keep(o, async () => {
      const socket = await upgraded(o)
      const subscribed = new Promise((resolve) => socket.once('data', resolve).once('close', resolve))
      socket.write(textFrame(JSON.stringify({ event: 'pusher:subscribe', data: { channel: o.channel, auth: '' } })))
      await subscribed
      socket.pause()
      // Paused, Node sees no end: a write does.
      const timer = setInterval(() => socket.write(textFrame('{"event":"pusher:ping"}')), 100)
      socket.on('close', () => clearInterval(timer))
      return socket
    })
    const writer = await connect(o)
    setInterval(() => writer.write(o.says[0]), 10)
  },
}

if (process.env.VELO_ATTACK in attacks && process.send) {
  process.on('disconnect', () => process.exit())
  const [options] = await once(process, 'message')
  await attacks[process.env.VELO_ATTACK](options)
  setPriority(10)
  process.send({ begun: true, ...counts })
  setInterval(() => process.send(counts), 50)
}
