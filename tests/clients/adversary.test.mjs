// Attacks, and a well-behaved client beside each: from its write over HTTP to its event it
// waits no longer than three times what it waits in quiet, and the server's memory stays
// within what its limits add up to. All in one file: no attack runs beside another. What
// hostile input is answered, each once, is in adversary_input.test.mjs.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { appToml, configFile } from './support/apps.mjs'
import { textFrame } from './support/attacker.mjs'
import * as hostile from './support/hostile.mjs'
import { app, jwtSecret, Server, superuser } from './support/server.mjs'
import { withTls } from './support/tls.mjs'
import { afterwards } from './support/wait.mjs'
import { collection, create, subscribe, tokenOf, users } from './support/velo.mjs'
import { KiB, MiB, serverBytes, sessionBytes, survives, tlsBytes, wellBehaved } from './support/well_behaved.mjs'

// Small, so that attacks meet them while a test watches.
const limits = {
  VELO_LIMITS_HANDSHAKE_TIMEOUT: '1s',
  VELO_LIMITS_HEADER_TIMEOUT: '1s',
  VELO_LIMITS_BODY_TIMEOUT: '1s',
  VELO_LIMITS_OUTBOX_BYTES: '256KiB',
  VELO_LIMITS_OUTBOX_TOTAL_BYTES: '16MiB',
  VELO_LIMITS_SOCKETS_PER_RECORD_CHANNEL: '1000',
}
const headerBytes = 16 * KiB
const bodyBytes = MiB
const frameBytes = 100 * KiB
const outboxBytes = 256 * KiB
const outboxTotalBytes = 16 * MiB

/** A server to attack with a well-behaved client, and its twin that has none; see `survives`. */
async function arena(t, { secure = false, env = {} } = {}) {
  const start = async () => {
    const server = await Server.start({
      configured: { VELO_SUPERUSER_TOKEN: superuser, VELO_JWT_SECRET: jwtSecret },
      args: ['--config', configFile([app, hostile.other].map(appToml).join('\n'))],
      ...(secure ? withTls({ env: { ...limits, ...env } }) : { env: { ...limits, ...env } }),
    })
    afterwards(t, () => server.close())
    return server
  }
  const [server, twin] = [await start(), await start()]
  return { server, twin, client: await wellBehaved(t, server) }
}

const over = (secure) => (secure ? ' over TLS' : '')

// -- who is slow -----------------------------------------------------------------------

for (const [name, limit, { secure = false, count = 1000 } = {}] of [
  ['slow headers', 'header_timeout'],
  // Fewer: it is the attacker who has to pay for as many handshakes.
  ['slow headers', 'header_timeout', { secure: true, count: 300 }],
  ['slow upgrade', 'header_timeout'],
  ['slow body', 'body_timeout'],
  ['slow chunks', 'body_timeout'],
  ['slow handshake', 'handshake_timeout', { secure: true }],
]) {
  test(`slowloris: ${name} of ${count} connections${over(secure)}`, { timeout: 180_000 }, async (t) => {
    await survives(t, await arena(t, { secure }), {
      name,
      options: () => ({ count, announced: bodyBytes }),
      point: async ({ since }) => (await since(limit)) >= count,
      // What has arrived, not what was announced.
      bytes: count * (headerBytes + sessionBytes + (secure ? tlsBytes : 0)) + serverBytes,
    })
  })
}

test('10,000 sockets that say nothing, or as many as open files allow', { timeout: 240_000 }, async (t) => {
  const allowed = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))[1])
  const count = Math.min(10_000, allowed - 500)
  if (count < 10_000) t.diagnostic(`the limit of open files is ${allowed}: ${count} sockets instead of 10,000`)
  await survives(t, await arena(t, { env: { VELO_LIMITS_HEADER_TIMEOUT: '5s' } }), {
    name: 'half-open',
    options: () => ({ count, every: 60_000 }),
    point: async ({ counts, since }) => counts.ended >= count && (await since('header_timeout')) >= count,
    bytes: count * sessionBytes + serverBytes,
  })
})

// -- who reads nothing -----------------------------------------------------------------

test('clients that never read are sent away, again and again', { timeout: 180_000 }, async (t) => {
  const count = 50
  const raw = JSON.stringify({ text: 'x'.repeat(60 * KiB) })
  await survives(t, await arena(t), {
    name: 'never reads',
    options: async (server) => {
      const flooded = await collection(server)
      const { channel_name } = await subscribe(server, flooded)
      const says = [hostile.written('POST', `/api/collections/${flooded}/records`, { token: superuser, raw })]
      return { count, channel: channel_name, says }
    },
    point: async ({ since }) => (await since('outbox')) >= count,
    bytes: outboxTotalBytes + count * sessionBytes + serverBytes,
  })
})

// -- who says too much -----------------------------------------------------------------

const subscribing = (channel) => JSON.stringify({ event: 'pusher:subscribe', data: { channel } })
const leaving = (channel) => JSON.stringify({ event: 'pusher:unsubscribe', data: { channel } })
const uuid = '8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11'
const pings = ['{"event":"pusher:ping"}']
const long = [JSON.stringify({ event: 'pusher:ping', data: 'x'.repeat(60 * KiB) })]
const joining = [subscribing('room'), leaving('room')]

for (const [what, texts, { reads = true, secure = false } = {}] of [
  ['pings', pings],
  ['pings', pings, { reads: false }],
  ['pings', pings, { secure: true }],
  ['nonsense', ['{}']],
  ['frames of 60 KiB', long],
  ['frames of 60 KiB', long, { secure: true }],
  ['joining and leaving a channel', joining],
  ['joining and leaving a channel', joining, { reads: false }],
  ['joining a record channel that is none', [subscribing(`velo.realtime.${uuid}`)]],
  ['client events', [JSON.stringify({ event: 'client-e', channel: 'private-room', data: {} })]],
  ['deeply nested JSON', hostile.deepFrames],
  ["another app's signatures", hostile.foreignFrames],
]) {
  test(`line rate over WebSocket${over(secure)}: ${what}, and ${reads ? 'reads' : 'does not read'}`, { timeout: 180_000 }, async (t) => {
    const count = 4
    await survives(t, await arena(t, { secure }), {
      name: 'line rate',
      options: () => ({ count, reads, upgrade: true, says: texts.map((text) => textFrame(text)) }),
      point: ({ counts: { bytes } }) => bytes > MiB || !reads,
      answered: [101],
      bytes: count * (outboxBytes + 2 * frameBytes + sessionBytes + (secure ? tlsBytes : 0)) + serverBytes,
    })
  })
}

/** What `who` may not do to ada's record. */
const forbidden = (token) => [
  ...['GET', 'DELETE'].map((method) => hostile.written(method, '/api/collections/notes/records/mine', { token })),
  hostile.written('PATCH', '/api/collections/notes/records/mine', { token, raw: '{"n":1}' }),
  ...creating(token, '{"owner":"ada"}'),
  hostile.written('GET', '/api/collections', { token }),
]
const creating = (token, ...texts) => texts.map((raw) => hostile.written('POST', '/api/collections/notes/records', { token, raw }))
const spelt = (requests, more) => requests.map(([method, path, raw]) => hostile.written(method, path, { raw, ...more }))

for (const [what, says, answered, { name = 'line rate', count = 4, ...more } = {}] of [
  ['requests one behind the other', () => spelt([['GET', '/api/collections/nothing/records']]), [404]],
  ['requests whose answers are not read', () => spelt([['GET', '/api/collections/nothing/records']]), [], { reads: false }],
  ['deeply nested JSON', () => spelt(hostile.deepRequests('notes'), { token: superuser }), [400]],
  ['huge numbers', () => creating(superuser, ...hostile.noNumbers.map((number) => `{"n":${number}}`)), [400]],
  ['duplicate keys', () => creating(tokenOf('ada'), '{"owner":"ada","owner":"bob"}', `{${'"owner":"ada",'.repeat(5000)}"owner":"bob"}`), [403]],
  ['requests in requests', () => hostile.smuggling.map(([, head]) => Buffer.from(head + hostile.smuggled, 'latin1')), [400, 413, 501, 505], { name: 'again and again', count: 16 }],
  ['paths to files', () => spelt(hostile.paths.map((path) => ['GET', path])), [400, 401, 404, 405, 426]],
  ['compressed frames', () => [hostile.bomb], [101], { name: 'again and again', count: 16, upgrade: true }],
  ['compressed bodies', () => ['gzip', 'deflate', 'br'].map((coding) => hostile.written('POST', '/api/realtime/subscribe', { raw: hostile.packed, 'Content-Encoding': coding })), [400, 415]],
  ["another app's key", hostile.foreign, [401]],
  ['signatures of another time', hostile.untimely, [401]],
  ['signatures altered in a byte', hostile.altered, [400, 401]],
  ['a guest and another user', () => [undefined, tokenOf('bob')].flatMap(forbidden), [401, 403, 404]],
]) {
  test(`line rate over HTTP: ${what}`, { timeout: 180_000 }, async (t) => {
    const all = await arena(t)
    const owned = '@request.auth.id = owner'
    for (const server of [all.server, all.twin]) {
      await users(server)
      await collection(server, { name: 'notes', rules: { list: owned, view: owned, create: owned, update: owned, delete: owned } })
      await create(server, 'notes', { id: 'mine', owner: 'ada' })
    }
    await survives(t, all, {
      name,
      options: () => ({ count, says: says(), ...more }),
      // Those that read get answers, and those that are sent away come back.
      point: ({ counts }) => (answered.length === 0 ? counts.bytes > 0 : Object.values(counts.answered).some((n) => n > count)),
      answered,
      bytes: count * (bodyBytes + sessionBytes) + serverBytes,
    })
  })
}
