// A WebSocket without a Pusher library around it, for what stock clients never
// send; and a bare TCP connection, for what no WebSocket library sends.
import net from 'node:net'
import tls from 'node:tls'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import WebSocket from 'ws'
import { app } from './server.mjs'
import { afterwards, Inbox, patience, within } from './wait.mjs'

/** What an application's auth endpoint signs (PUSHER_PROTOCOL.md 5.3). */
export function sign(socketId, channel, { key = app.key, secret = app.secret } = {}) {
  return `${key}:${createHmac('sha256', secret).update(`${socketId}:${channel}`).digest('hex')}`
}

export class Socket {
  /** Opens; resolves once the upgrade is done, whatever comes after. */
  static async open(t, server, { folder = 'app', key = app.key, query = '?protocol=7&client=js&version=8.6.0', ...options } = {}) {
    const socket = new Socket(`${server.url.replace(/^http/, 'ws')}/${folder}/${key}${query}`, { ca: server.ca, ...options })
    afterwards(t, () => socket.ws.terminate())
    await within(patience, socket.opened, `the upgrade of ${socket.ws.url}`)
    return socket
  }

  /** Opens and reads the first frame, which must be pusher:connection_established. */
  static async connect(t, server, options) {
    const socket = await Socket.open(t, server, options)
    const first = await socket.frames.next()
    if (first.event !== 'pusher:connection_established') throw new Error(`first frame: ${JSON.stringify(first)}`)
    socket.established = JSON.parse(first.data)
    socket.id = socket.established.socket_id
    return socket
  }

  constructor(url, options) {
    this.frames = new Inbox('frames')
    this.ws = new WebSocket(url, options)
    this.opened = once(this.ws, 'open')
    this.opened.catch(() => {})
    this.closed = new Promise((resolve) => {
      this.ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
    this.ws.on('error', () => {}) // `close` follows
    this.ws.on('message', (data, isBinary) => {
      const frame = isBinary ? { binary: data } : JSON.parse(data.toString())
      // As every client does; a test looks at other frames.
      if (frame.event === 'pusher:ping') this.ws.send('{"event":"pusher:pong","data":{}}')
      else this.frames.push(frame)
    })
  }

  send(frame) {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  /** The close frame's code and reason. */
  close(ms = patience) {
    return within(ms, this.closed, 'the socket to close')
  }

  /** Subscribes and resolves to the answer, success or error. */
  async subscribe(channel, auth = '', more = {}) {
    this.send({ event: 'pusher:subscribe', data: { auth, channel, ...more } })
    return this.frames.find(
      (frame) =>
        frame.channel === channel &&
        ['pusher_internal:subscription_succeeded', 'pusher:subscription_error'].includes(frame.event),
    )
  }

  /** Shows that the socket is alive and has handled what was sent before. */
  async ping() {
    this.send({ event: 'pusher:ping', data: {} })
    return this.frames.find(({ event }) => event === 'pusher:pong')
  }
}

/** `data` of a frame, whether it came as an object or as JSON text. */
export const dataOf = ({ data }) => (typeof data === 'string' ? JSON.parse(data) : data)

/** A TCP connection, through TLS where the server speaks that, that collects what it is sent. */
export class Raw {
  static async connect(t, server) {
    const secure = server.url.startsWith('https:')
    const options = { host: '127.0.0.1', port: server.port, allowHalfOpen: true }
    const socket = secure ? tls.connect({ ...options, ca: server.ca }) : net.connect(options)
    afterwards(t, () => socket.destroy())
    await within(patience, once(socket, secure ? 'secureConnect' : 'connect'), 'a connection')
    return new Raw(socket)
  }

  constructor(socket) {
    this.socket = socket
    this.received = Buffer.alloc(0)
    this.chunks = new Inbox('bytes')
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk])
      this.chunks.push(chunk.length)
    })
    socket.on('error', () => {})
    this.ended = new Promise((resolve) => {
      socket.on('end', resolve)
      socket.on('close', resolve)
    })
  }

  write(bytes) {
    this.socket.write(bytes)
  }

  /** Resolves with the text received so far once it matches. */
  async until(pattern, ms = patience) {
    while (!pattern.test(this.received.toString('latin1'))) await this.chunks.next(ms)
    return this.received.toString('latin1')
  }

  /** Resolves when the server has ended the connection. */
  end(ms = patience) {
    return within(ms, this.ended, 'the server to end the connection')
  }

  /** Asks for an upgrade and waits for the 101. */
  async upgrade(server, key = app.key) {
    this.write(
      `GET /app/${key}?protocol=7 HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nConnection: Upgrade\r\n` +
        `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    )
    return this.until(/^HTTP\/1\.1 101 [\s\S]*\r\n\r\n/)
  }
}
