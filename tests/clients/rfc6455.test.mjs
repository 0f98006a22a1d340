// RFC 6455 in raw bytes against the running server: what no WebSocket library
// lets a client send, and what it would hide of the answer. With VELO_TEST_TLS
// in the environment, through TLS.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Server } from './support/server.mjs'
import { Raw, Socket } from './support/socket.mjs'
import { withTls } from './support/tls.mjs'

let server
before(async () => {
  server = await Server.start(process.env.VELO_TEST_TLS ? withTls() : {})
})
after(() => server?.close())

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 }

/** One frame of a client. */
function frame(kind, payload = '', { fin = true, masked = true, reserved = 0, length } = {}) {
  const body = Buffer.from(payload)
  const size = length ?? (body.length < 126 ? 1 : body.length < 65536 ? 2 : 8)
  const head = Buffer.alloc(size === 1 ? 2 : 2 + size)
  head[0] = (fin ? 0x80 : 0) | reserved | (opcodes[kind] ?? kind)
  head[1] = (masked ? 0x80 : 0) | (size === 1 ? body.length : size === 2 ? 126 : 127)
  if (size === 2) head.writeUInt16BE(body.length, 2)
  if (size === 8) head.writeBigUInt64BE(BigInt(body.length), 2)
  if (!masked) return Buffer.concat([head, body])
  const mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d])
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ mask[i % 4])])
}

function closeFrame(code, reason = '') {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason))
  payload.writeUInt16BE(code)
  payload.write(reason, 2)
  return frame('close', payload)
}

/** A client past its first frame, and the frames it is sent. */
class Peer {
  static async connect(t) {
    const peer = new Peer()
    peer.raw = await Raw.connect(t, server)
    await peer.raw.upgrade(server)
    peer.at = peer.raw.received.indexOf('\r\n\r\n') + 4
    assert.equal(JSON.parse((await peer.next()).payload).event, 'pusher:connection_established')
    return peer
  }

  write(...frames) {
    this.raw.write(Buffer.concat(frames))
  }

  async next() {
    for (;;) {
      const bytes = this.raw.received.subarray(this.at)
      const parsed = parse(bytes)
      if (parsed) {
        this.at += parsed.size
        return parsed
      }
      await this.raw.chunks.next()
    }
  }

  /** The server is well, and has read all that was sent. */
  async answersPing() {
    this.write(frame('text', '{"event":"pusher:ping","data":{}}'))
    const answer = await this.next()
    assert.equal(JSON.parse(answer.payload).event, 'pusher:pong')
  }

  async closedWith(code) {
    const got = await this.next()
    assert.equal(got.opcode, opcodes.close)
    assert.equal(got.payload.readUInt16BE(), code)
    this.raw.write(closeFrame(1000))
    await this.raw.end()
  }
}

function parse(bytes) {
  if (bytes.length < 2) return undefined
  assert.equal(bytes[0] & 0xf0, 0x80, 'whole frames without reserved bits')
  assert.equal(bytes[1] & 0x80, 0, 'a server masks nothing')
  let length = bytes[1]
  let head = 2
  if (length === 126) {
    if (bytes.length < 4) return undefined
    length = bytes.readUInt16BE(2)
    head = 4
  } else if (length === 127) {
    if (bytes.length < 10) return undefined
    length = Number(bytes.readBigUInt64BE(2))
    head = 10
  }
  if (bytes.length < head + length) return undefined
  return { opcode: bytes[0] & 0x0f, payload: bytes.subarray(head, head + length), size: head + length }
}

const padded = (size) => {
  const text = `{"event":"pusher:ping","data":{"p":""}}`
  return text.replace('""', `"${'x'.repeat(size - text.length)}"`)
}

for (const size of [125, 126, 127, 65535, 65536, 65537]) {
  test(`a text of ${size} bytes is one message`, async (t) => {
    const peer = await Peer.connect(t)
    peer.write(frame('text', padded(size)))
    assert.equal(JSON.parse((await peer.next()).payload).event, 'pusher:pong')
  })
}

test('an empty text is a message too', async (t) => {
  const peer = await Peer.connect(t)
  peer.write(frame('text'))
  assert.equal(JSON.parse((await peer.next()).payload).data.code, 4300)
  await peer.answersPing()
})

test('a ping of 0 and of 125 bytes gets its payload back', async (t) => {
  const peer = await Peer.connect(t)
  for (const payload of ['', 'x'.repeat(125), '\u0000\u00ff']) {
    peer.write(frame('ping', payload))
    const pong = await peer.next()
    assert.equal(pong.opcode, opcodes.pong)
    assert.deepEqual(pong.payload, Buffer.from(payload))
  }
})

test('a pong that nobody asked for is nothing', async (t) => {
  const peer = await Peer.connect(t)
  peer.write(frame('pong', 'unasked'))
  await peer.answersPing()
})

test('control frames come between the fragments of a message, and are answered at once', async (t) => {
  const peer = await Peer.connect(t)
  peer.write(
    frame('text', '{"event":"pus', { fin: false }),
    frame('ping', 'one'),
    frame('continuation', '', { fin: false }),
    frame('pong'),
    frame('ping', 'two'),
  )
  assert.equal((await peer.next()).payload.toString(), 'one')
  assert.equal((await peer.next()).payload.toString(), 'two')
  peer.write(frame('continuation', 'her:ping","data":{}}'))
  assert.equal(JSON.parse((await peer.next()).payload).event, 'pusher:pong')
})

test('frames that come byte by byte, or a hundred in one packet', async (t) => {
  const peer = await Peer.connect(t)
  peer.raw.socket.setNoDelay(true)
  const one = frame('text', '{"event":"pusher:ping"}')
  for (const byte of one) peer.raw.write(Buffer.from([byte]))
  peer.write(...Array(100).fill(one))
  for (let n = 0; n < 101; n += 1) assert.equal(JSON.parse((await peer.next()).payload).event, 'pusher:pong')
})

for (const [what, code, ...frames] of [
  ['an unmasked frame', 1002, frame('text', '{}', { masked: false })],
  ['reserved bit 1', 1002, frame('text', '{}', { reserved: 0x40 })],
  ['reserved bit 2', 1002, frame('text', '{}', { reserved: 0x20 })],
  ['reserved bit 3', 1002, frame('ping', '', { reserved: 0x10 })],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((op) => [`the reserved opcode ${op}`, 1002, frame(op)]),
  ['a continuation of nothing', 1002, frame('continuation', 'x')],
  ['a message inside of another', 1002, frame('text', '{', { fin: false }), frame('text', '}')],
  ['a fragmented ping', 1002, frame('ping', 'x', { fin: false })],
  ['a fragmented close', 1002, frame('close', '', { fin: false })],
  ['a ping of 126 bytes', 1002, frame('ping', 'x'.repeat(126))],
  ['a length of 16 bits that needs 7', 1002, frame('text', 'x'.repeat(125), { length: 2 })],
  ['a length of 64 bits that needs 16', 1002, frame('text', 'x'.repeat(126), { length: 8 })],
  ['a length of 64 bits with the highest one set', 1002, Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1])],
  ['a length without end', 1009, Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 1, 1, 1])],
  ['a binary frame', 1003, frame('binary', 'x')],
  ['a message too big by its header', 1009, frame('text', 'x'.repeat(102_401)).subarray(0, 14)],
  ['a message too big in fragments', 1009, frame('text', 'x'.repeat(60_000), { fin: false }), frame('continuation', 'x'.repeat(60_000))],
  ['a close code that is none', 1002, closeFrame(999)],
  ['a close code that is reserved', 1002, closeFrame(1005)],
  ['a close code of nobody', 1002, closeFrame(2000)],
  ['a close frame of one byte', 1002, frame('close', 'x')],
  ['a close reason that is not UTF-8', 1007, frame('close', Buffer.from([0x03, 0xe8, 0xc3, 0x28]))],
]) {
  test(`${what} is answered by close ${code}`, async (t) => {
    const peer = await Peer.connect(t)
    peer.write(...frames)
    await peer.closedWith(code)
  })
}

const invalid = {
  'a lone continuation byte': [0x80],
  'an overlong form': [0xc0, 0xaf],
  'an overlong form of three bytes': [0xe0, 0x80, 0xaf],
  'a surrogate': [0xed, 0xa0, 0x80],
  'a value beyond Unicode': [0xf4, 0x90, 0x80, 0x80],
  'a sequence cut off': [0xf0, 0x9f, 0x98],
}
for (const [what, bytes] of Object.entries(invalid)) {
  test(`${what} closes 1007, wherever it is cut`, async (t) => {
    const text = Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from(bytes.length === 3 && bytes[0] === 0xf0 ? [] : Buffer.from('"}'))])
    for (let at = 0; at <= text.length; at += 1) {
      const peer = await Peer.connect(t)
      peer.write(frame('text', text.subarray(0, at), { fin: false }), frame('continuation', text.subarray(at)))
      await peer.closedWith(1007)
    }
  })
}

test('characters that fragments cut in two are whole again', async (t) => {
  const text = Buffer.from('{"event":"pusher:ping","data":"ü€😀"}')
  const peer = await Peer.connect(t)
  for (let at = 0; at <= text.length; at += 1) {
    peer.write(frame('text', text.subarray(0, at), { fin: false }), frame('continuation', text.subarray(at)))
    assert.equal(JSON.parse((await peer.next()).payload).event, 'pusher:pong')
  }
})

for (const code of [1000, 1001, 1011, 1014, 3000, 4999]) {
  test(`the client's close ${code} is answered with its code, then the connection ends`, async (t) => {
    const peer = await Peer.connect(t)
    peer.write(closeFrame(code, 'günstig'))
    const got = await peer.next()
    assert.equal(got.opcode, opcodes.close)
    assert.equal(got.payload.readUInt16BE(), code)
    await peer.raw.end()
  })
}

test('a close frame without a code is answered by one without', async (t) => {
  const peer = await Peer.connect(t)
  peer.write(frame('close'))
  const got = await peer.next()
  assert.deepEqual([got.opcode, got.payload.length], [opcodes.close, 0])
  await peer.raw.end()
})

test('what follows a close frame is not read', async (t) => {
  const peer = await Peer.connect(t)
  peer.write(closeFrame(1000), frame('text', '{"event":"pusher:ping"}'), frame('ping', 'x'), frame('binary', 'x'))
  assert.equal((await peer.next()).opcode, opcodes.close)
  await peer.raw.end()
  assert.equal(peer.at, peer.raw.received.length)
})

test('extensions and subprotocols are offered in vain', async (t) => {
  const socket = await Socket.connect(t, server, { perMessageDeflate: true })
  assert.equal(socket.ws.extensions, '')
  assert.equal(socket.ws.protocol, '')
  await socket.ping()
})

for (const [what, headers, status] of [
  ['another version', { 'Sec-WebSocket-Version': '8' }, 426],
  ['no key', { 'Sec-WebSocket-Key': undefined }, 400],
  ['a key that is no base64 of 16 bytes', { 'Sec-WebSocket-Key': 'short' }, 400],
]) {
  test(`an upgrade with ${what} is refused: ${status}`, async (t) => {
    const raw = await Raw.connect(t, server)
    const all = { Host: 'localhost', Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers }
    const lines = Object.entries(all).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}\r\n`)
    raw.write(`GET /app/any HTTP/1.1\r\n${lines.join('')}\r\n`)
    const answer = await raw.until(/\r\n\r\n/)
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `))
    if (status === 426) assert.match(answer, /Sec-WebSocket-Version: 13\r\n/)
    await raw.end()
  })
}
