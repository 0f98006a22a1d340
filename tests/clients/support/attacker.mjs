// Attacks, each in a thread of its own, so that who attacks does not hold up who is
// measured. Bounded by `stop`: the test ends it, and with it every socket.
import net from 'node:net'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { parentPort, Worker, isMainThread, workerData } from 'node:worker_threads'
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
  const worker = new Worker(new URL(import.meta.url), { workerData: { name, options } })
  const counts = { opened: 0, ended: 0, bytes: 0, answered: {} }
  const failed = once(worker, 'error').then(([error]) => Promise.reject(error))
  failed.catch(() => {})
  const begun = new Promise((resolve) => {
    worker.on('message', (message) => {
      Object.assign(counts, message)
      if (message.begun) resolve()
    })
  })
  afterwards(t, () => worker.terminate())
  await within(patience * 3, Promise.race([begun, failed]), `the attack ${name} to be under way`)
  return { counts, stop: () => worker.terminate() }
}

// -- in the thread -------------------------------------------------------------------

const counts = { opened: 0, ended: 0, bytes: 0, answered: {} }

function connect({ port }, { onData, reads = true } = {}) {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port })
    socket.on('connect', () => {
      counts.opened += 1
      socket.setNoDelay(true)
      resolve(socket)
    })
    if (reads) {
      socket.on('data', (chunk) => {
        const status = /^HTTP\/1\.1 (\d+)/.exec(chunk.subarray(0, 16).toString('latin1'))?.[1]
        if (status) counts.answered[status] = (counts.answered[status] ?? 0) + 1
        onData?.(chunk, socket)
      })
    }
    socket.on('error', () => resolve(socket))
    socket.on('close', () => (counts.ended += 1))
  })
}

/** `count` connections at all times, each of which says `first`, then `drip` for ever. */
async function dripping({ port, count, every = 50, pace = 200 }, first, drip) {
  const sockets = new Set()
  const one = async () => {
    const socket = await connect({ port })
    if (socket.destroyed) return
    sockets.add(socket)
    socket.write(first)
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      sockets.delete(socket)
      setTimeout(one, every)
    })
  }
  for (let n = 0; n < count; n += pace) await Promise.all(Array.from({ length: Math.min(pace, count - n) }, one))
  setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write(drip)
  }, every)
}

/** Writes `chunk` as fast as the socket takes it. */
function flood(socket, chunk) {
  const go = () => {
    for (let n = 0; n < 64 && !socket.destroyed; n += 1) {
      counts.bytes += chunk.length
      if (!socket.write(chunk)) return void socket.once('drain', go)
    }
    setImmediate(go)
  }
  go()
}

async function upgraded(options, reads) {
  const socket = await connect(options)
  const answer = once(socket, 'data')
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
  'half-open': (o) => dripping(o, '', ''),
  /** WebSockets that send `text` over and over. */
  'line rate': async (o) => {
    const chunk = Buffer.concat(o.texts.map((text) => textFrame(text)))
    const many = Buffer.concat(Array(Math.ceil(65_536 / chunk.length)).fill(chunk))
    const one = async () => {
      const socket = await upgraded(o, o.reads)
      flood(socket, many)
      socket.on('close', () => setTimeout(one, 50))
    }
    for (let n = 0; n < o.count; n += 1) await one()
  },
  /** Requests one behind the other on a connection, answers read or not. */
  'pipelined requests': async (o) => {
    const many = Buffer.from('GET /api/collections/nothing/records HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(500))
    const one = async () => {
      const socket = await connect(o, { reads: o.reads })
      flood(socket, many)
      socket.on('close', () => setTimeout(one, 50))
    }
    for (let n = 0; n < o.count; n += 1) await one()
  },
  /** WebSockets on a channel that read nothing; they come back when they are sent away. */
  'never reads': async (o) => {
    const one = async () => {
      const socket = await upgraded(o, true)
      const subscribed = once(socket, 'data')
      socket.write(textFrame(JSON.stringify({ event: 'pusher:subscribe', data: { channel: o.channel, auth: '' } })))
      await subscribed
      socket.pause()
      // Paused, Node sees no end: a write does.
      const timer = setInterval(() => socket.write(textFrame('{"event":"pusher:ping"}')), 100)
      socket.on('close', () => {
        clearInterval(timer)
        setTimeout(one, 50)
      })
    }
    for (let n = 0; n < o.count; n += 1) await one()
  },
}

if (!isMainThread && workerData?.name in attacks) {
  await attacks[workerData.name](workerData.options)
  parentPort.postMessage({ begun: true, ...counts })
  setInterval(() => parentPort.postMessage(counts), 50)
}
