// Input that is meant to hurt: what the tests of refusals send once, and attackers at line rate.
import { createHmac } from 'node:crypto'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { textFrame } from './attacker.mjs'
import { signedQuery } from './apps.mjs'
import { app } from './server.mjs'

const MiB = 1024 * 1024

/** A request as it is written; `fields` are headers on top of what it needs. */
export function written(method, path, { raw, token, ...fields } = {}) {
  const headers = {
    Host: 'a',
    ...(token && { Authorization: `Bearer ${token}` }),
    ...(raw !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(raw) }),
    ...fields,
  }
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`, 'latin1'), Buffer.from(raw ?? '')])
}

// -- JSON ------------------------------------------------------------------------------

const depth = 100_000
const deep = [
  '['.repeat(depth),
  '['.repeat(depth) + ']'.repeat(depth),
  '{"a":'.repeat(depth),
  `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
]

/** [method, path, body] of requests whose JSON is nested a hundred thousand deep, wherever JSON is read. */
export const deepRequests = (posts) =>
  deep.flatMap((text) => [
    ['POST', '/api/realtime/subscribe', text],
    ['POST', '/api/realtime/subscribe', `{"collection":"${posts}","query":${text}}`],
    ['POST', '/api/realtime/changes', text],
    ['POST', '/api/realtime/changes', `{"collection":"${posts}","action":"created","record":${text}}`],
    ['POST', `/api/collections/${posts}/records`, `{"a":${text}}`],
    ['PATCH', `/api/collections/${posts}`, `{"rules":${text}}`],
  ])

// A frame has fewer bytes than a body: 40,000 levels, as an object, and within a text.
const deepFrame = '['.repeat(40_000)
export const deepFrames = [deepFrame, `{"event":"pusher:subscribe","data":${deepFrame}}`, JSON.stringify({ event: 'pusher:subscribe', data: deepFrame })]

/** Numbers that are none, or beyond every type. */
export const noNumbers = ['1e999', '-1e999', `1${'0'.repeat(400)}`, `-${'9'.repeat(100_000)}`, 'NaN', 'Infinity', '0x10', '01', '+1', '1.', '.5']

// -- heads -----------------------------------------------------------------------------

export const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\nX-Request-Id: smuggled\r\n\r\n'
const post = 'POST /api/realtime/ping HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'

/** [what, head, the statuses that refuse it] */
export const smuggling = [
  ['two lengths', `${post}Content-Length: 0\r\nContent-Length: 60\r\n\r\n`, 400],
  ['the same length twice', `${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`, 400],
  ['a list of lengths', `${post}Content-Length: 0, 60\r\n\r\n`, 400],
  ['a length and chunks', `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['chunks and a length', `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`, 400],
  ['two codings', `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`, 400],
  ['a list of codings', `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  ['a coding that nobody knows', `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
  ['a coding in a coat', `${post}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, [400, 501]],
  ['chunks in HTTP/1.0', `${post.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a negative length', `${post}Content-Length: -1\r\n\r\n`, 400],
  ['a signed length', `${post}Content-Length: +0\r\n\r\n`, 400],
  ['a hexadecimal length', `${post}Content-Length: 0x0\r\n\r\n`, 400],
  ['a length beyond 64 bits', `${post}Content-Length: 18446744073709551616\r\n\r\n`, 400],
  ['a length beyond the limit', `${post}Content-Length: 18446744073709551615\r\n\r\n`, [400, 413]],
  ['a space before the colon', `${post}Content-Length : 60\r\n\r\n`, 400],
  ['a folded header', `${post}X-A: b\r\n Content-Length: 60\r\n\r\n`, 400],
  ['a header folded by a tab', `${post}Content-Length:\r\n\t60\r\n\r\n`, 400],
  ['line feeds alone', post.replaceAll('\r\n', '\n') + 'Content-Length: 0\n\n', 400],
  ['one line feed alone', `${post}X-A: b\nContent-Length: 60\r\n\r\n`, 400],
  ['a carriage return alone', `${post}X-A: b\rContent-Length: 60\r\n\r\n`, 400],
  ['a zero byte in a header', `${post}X-A: b\0c\r\n\r\n`, 400],
  ['a zero byte in a name', `${post}X\0A: b\r\n\r\n`, 400],
  ['a header without a name', `${post}: b\r\n\r\n`, 400],
  ['a header without a colon', `${post}Content-Length 60\r\n\r\n`, 400],
  ['no host', 'GET /up HTTP/1.1\r\n\r\n', 400],
  ['two hosts', 'GET /up HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['a space in the target', 'GET /up HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['another version', 'GET /up HTTP/2.0\r\nHost: a\r\n\r\n', [400, 505]],
  ['a chunk size beyond 64 bits', `${post}Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n`, [400, 413]],
  ['a negative chunk size', `${post}Transfer-Encoding: chunked\r\n\r\n-1\r\n`, 400],
  ['a chunk size of words', `${post}Transfer-Encoding: chunked\r\n\r\nten\r\n`, 400],
  ['a chunk that ends elsewhere', `${post}Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n`, 400],
  ['chunks ended by line feeds', `${post}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`, 400],
]

// -- paths -----------------------------------------------------------------------------

const up = ['..', '%2e%2e', '%2E%2e', '.%2e', '..%00', '%252e%252e', '..%c0%af', '..\\', '..%5c', '....//', '%c0%ae%c0%ae', '..;']
const roots = ['', '/app', '/apps', '/api', '/api/collections', '/static', '/broadcasting', `/app/${app.key}`, '/up', '/metrics']
const files = ['etc/passwd', 'proc/self/environ', 'secrets.json', 'data.mdb']
/** Ways to files, were there any. */
export const paths = [
  ...roots.flatMap((root) => up.flatMap((step) => files.map((file) => `${root}/${`${step}/`.repeat(8)}${file}`))),
  ...files.flatMap((file) => [`//${file}`, `/${file}`, `/%2f${file.replaceAll('/', '%2f')}`, `/..%2f..%2f..%2f${file.replaceAll('/', '%2f')}`, `/./${file}`, `/file:///${file}`]),
  '/index.html', '/.git/config', '/.env', '/velo.toml', '/..', '/.', '//', '/%00', '/%2e', '/~root/',
]

// -- compression -----------------------------------------------------------------------

/** A frame of 60 MiB in 60 KiB; RSV1 says that it is compressed. */
export const bomb = textFrame(deflateRawSync(Buffer.alloc(60 * MiB), { level: 9 }), 0xc1)
/** A body of 100 MiB of spaces. */
export const packed = gzipSync(Buffer.alloc(100 * MiB, ' '), { level: 9 })

// -- signatures ------------------------------------------------------------------------

export const other = { id: 'other', key: 'other-key', secret: 'other-secret' }

const eventsPath = `/apps/${app.id}/events`
const event = JSON.stringify({ name: 'e', channel: 'room', data: '1' })
const signedBy = (as) => written('POST', `${eventsPath}?${signedQuery('POST', eventsPath, event, as)}`, { raw: event })

/** Calls of the Pusher API that are signed by another app, or with another's secret, or at another time. */
export const foreign = () => [signedBy(other), signedBy({ key: app.key, secret: other.secret }), signedBy({ key: other.key, secret: app.secret })]
export const untimely = () => [-86_400, -660, 720, 86_400].map((off) => signedBy({ time: Math.floor(Date.now() / 1000) + off }))

/** A signed call with any one byte of its query changed. */
export function altered() {
  const query = signedQuery('POST', eventsPath, event)
  // Never the same letter, since the names of parameters are signed in lower case.
  const instead = (byte) => (byte === 'B' || byte === 'b' ? 'C' : 'B')
  return [...query].map((byte, at) => written('POST', `${eventsPath}?${query.slice(0, at)}${instead(byte)}${query.slice(at + 1)}`, { raw: event }))
}

/** Subscriptions to channels of an app, signed by another and by nobody. */
export const foreignFrames = ['private-room', 'presence-room', 'private-encrypted-room'].flatMap((channel) =>
  [app, other].map(({ key }) => {
    const auth = `${key}:${createHmac('sha256', other.secret).update(`1.2:${channel}`).digest('hex')}`
    return JSON.stringify({ event: 'pusher:subscribe', data: { channel, auth, channel_data: '{"user_id":"u"}' } })
  }),
)
