// A client that does nothing wrong, and what an attack beside it may cost it and the server.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { attack } from './attacker.mjs'
import { app } from './server.mjs'
import { dataOf, Socket } from './socket.mjs'
import { patience, within } from './wait.mjs'
import { collection, create, subscribe } from './velo.mjs'

export const KiB = 1024
export const MiB = 1024 * KiB

// What a connection is without what it holds; of a request that is read, Beast's parser.
export const sessionBytes = 8 * KiB
// What a server that is used at all takes: caches, the log's tail, the allocator's rest.
export const serverBytes = 48 * MiB
// What OpenSSL takes for a session, 30 to 60 KiB: two record buffers of 17 KiB, the state of
// the handshake and its messages, keys and transcript.
export const tlsBytes = 64 * KiB

export const resident = ({ pid }) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * KiB

/** How often each limit was met. */
async function met(server) {
  const { text } = await server.request('GET', '/metrics')
  return Object.fromEntries([...text.matchAll(/^velo_limits_met_total\{limit="(\w+)"\} (\d+)$/gm)].map(([, limit, count]) => [limit, Number(count)]))
}

// Between two writes, in ms: each of them over TLS costs the client a handshake.
const paceOf = ({ ca }) => (ca === undefined ? 6 : 15)
const samples = 150
// What schedulers and timers make of nothing: below it, a p99 says more of them than of a server.
const granularity = 5 // ms
const p99 = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)]

/**
 * A client that listens to what it writes itself over HTTP, each time on a new connection.
 * It writes at its pace and waits for no answer: if one write at a time were under way, a
 * server that stops for long would have one long time among many short ones.
 */
export async function wellBehaved(t, server) {
  const name = await collection(server)
  const { channel_name } = await subscribe(server, name, { filter: "who = 'good'" })
  const socket = await Socket.connect(t, server)
  await socket.subscribe(channel_name)
  const waiting = new Map()
  socket.ws.on('message', (data) => {
    const frame = JSON.parse(data)
    if (frame.event !== 'created') return
    const { n } = dataOf(frame).record
    waiting.get(n)()
    waiting.delete(n) // each comes once: the next would find nothing to call
  })
  let n = 0
  const once = async () => {
    const begun = performance.now()
    n += 1
    const arrived = new Promise((resolve) => waiting.set(n, resolve))
    await Promise.all([create(server, name, { who: 'good', n }), within(patience, arrived, `the event of write ${n}`)])
    return performance.now() - begun
  }
  /** Of at least `samples` writes, until `enough` as well: their p99 in ms, and the most memory the server had meanwhile. */
  const measure = async (enough = () => true) => {
    const writes = []
    let peak = 0
    const deadline = Date.now() + 60_000
    while (writes.length < samples || writes.length % 10 !== 0 || !(await enough())) {
      assert.ok(Date.now() < deadline, `the attack has not come to its point: ${enough}`)
      writes.push(once())
      if (writes.length % 10 === 0) peak = Math.max(peak, resident(server))
      await sleep(paceOf(server))
    }
    return { p99: p99(await Promise.all(writes)), peak, count: writes.length }
  }
  return { name, channel_name, measure }
}

/** Rounds at most, and how many of them have to be fair: a machine that others use spoils one now and then, an unfair server all. */
const roundsMax = 7
const roundsFair = 2

/**
 * Rounds of two measurements while the machine is equally busy: the attack is on the twin,
 * which is the quiet value, and then on the server itself. Both take as much of the
 * processors, which a client that lives on the same ones has to feel; what is more under
 * attack is what the server lets one client cost another.
 * @param {object} arena see adversary.test.mjs
 * @param {object} attack
 * @param {string} attack.name
 * @param {function} attack.options what the attacker is told who is to attack this server
 * @param {function} attack.point whether the attack has done what it is about
 * @param {number} attack.bytes what it may cost at most
 * @param {number[]} [attack.answered] the statuses it may be answered, and one of which it must
 */
export async function survives(t, { server, twin, client }, { name, options, point, bytes, answered }) {
  const first = await client.measure()
  const rounds = []
  const fair = () => rounds.filter(({ ratio }) => ratio <= 3).length
  let grown = 0
  let counts
  while (rounds.length < roundsMax && fair() < roundsFair) {
    // Up to its point on both: what it costs the processors may come with that.
    const under = async (target) => {
      const before = await met(target)
      const since = async (limit) => (await met(target))[limit] - before[limit]
      const to = { port: target.port, key: app.key, secure: target.ca !== undefined }
      const attacking = await attack(t, name, { ...to, ...(await options(target)) })
      const until = Date.now() + 1_000
      const result = await client.measure(async () => Date.now() > until && (await point({ counts: attacking.counts, since })))
      await attacking.stop()
      counts = attacking.counts
      return result
    }
    const quiet = await under(twin)
    const attacked = await under(server)
    rounds.push({ quiet: quiet.p99, attacked: attacked.p99, ratio: attacked.p99 / Math.max(quiet.p99, granularity) })
    grown = Math.max(grown, attacked.peak - first.peak)
    if (process.env.VELO_SANITIZED) break
  }
  const shown = rounds.map(({ quiet, attacked, ratio }) => `${ratio.toFixed(1)} (${attacked.toFixed(1)} ms for ${quiet.toFixed(1)})`).join(', ')
  t.diagnostic(`p99 ${shown}; ${first.p99.toFixed(1)} ms without any; ${(grown / MiB).toFixed(1)} of ${(bytes / MiB).toFixed(0)} MiB more; ${JSON.stringify(counts)}`)
  assert.ok(server.running)
  if (answered) {
    const statuses = Object.keys(counts.answered).map(Number)
    assert.deepEqual(statuses.filter((status) => !answered.includes(status)), [], 'other answers than refusals')
    assert.ok(statuses.length > 0 || answered.length === 0, 'no answer at all')
  }
  // A server with sanitizers keeps what it has freed, and has other times: it only has to live.
  if (process.env.VELO_SANITIZED) return
  assert.ok(fair() >= roundsFair, `p99 is ${shown} times the quiet one`)
  assert.ok(grown <= bytes, `${grown} bytes more, ${bytes} are allowed`)
}
