// How fast matches leave through a driver: into an HTTP server that only answers, and
// into soketi, where tests/soketi is installed.
//
//   ./dev bench drivers [--subscriptions 1,10,100] [--changes 2000] [--connections 4] [--repeat 3]
//
// A match is one change for one channel. Changes are ingested as fast as the server takes
// them; the clock runs from the first one until the driver's queue is empty.
import http from 'node:http'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Server, superuser } from '../tests/clients/support/server.mjs'
import { configFile } from '../tests/clients/support/apps.mjs'
import { counted, driverToml } from '../tests/clients/support/drivers.mjs'
import { skip, soketi } from '../tests/clients/support/soketi.mjs'

const { values } = parseArgs({
  options: {
    subscriptions: { type: 'string', default: '1,10,100' },
    changes: { type: 'string', default: '2000' },
    connections: { type: 'string', default: '4' },
    repeat: { type: 'string', default: '3' },
  },
})
const changes = Number(values.changes)
const stepMax = 120_000 // ms, for anything that is waited for
const endings = []
const scope = { after: (end) => endings.push(end) }

async function nullServer() {
  const server = http.createServer((incoming, outgoing) => {
    incoming.resume().on('end', () => outgoing.writeHead(200, { 'Content-Type': 'application/json' }).end('{}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.after(() => server.closeAllConnections())
  return { port: server.address().port }
}

async function measure(port, subscriptions) {
  const driver = driverToml({ port, connections: Number(values.connections), queue_events: 10_000_000, queue_bytes: '1GiB' })
  const server = await Server.start({ args: ['--config', configFile(driver)] })
  const post = (path, json) => server.expect([200, 201], 'POST', path, { token: superuser, json })
  await post('/api/collections', { name: 'posts', rules: { list: '' } })
  for (let n = 0; n < subscriptions; n += 1) await post('/api/realtime/subscribe', { collection: 'posts' })
  const record = (n) => ({ collection: 'posts', action: 'created', record: { id: `r${n}`, text: 'x'.repeat(200) } })
  const began = process.hrtime.bigint()
  for (let n = 0; n < changes; n += 500)
    await post('/api/realtime/changes', Array.from({ length: Math.min(500, changes - n) }, (_, i) => record(n + i)))
  const matches = changes * subscriptions
  const deadline = Date.now() + stepMax
  let now
  do {
    await new Promise((resolve) => setTimeout(resolve, 5))
    now = await counted(server, 'reverb')
    if (Date.now() > deadline) throw new Error(`${JSON.stringify(now)} after ${stepMax} ms`)
  } while (now.sent + now.refused + now.given_up + now.overflow < matches)
  const seconds = Number(process.hrtime.bigint() - began) / 1e9
  await server.close()
  if (now.sent !== matches) throw new Error(`not all were sent: ${JSON.stringify(now)}`)
  return { rate: matches / seconds, callsPerMatch: now.calls / matches, callsPerChange: now.calls / changes }
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
const outsides = [['null', await nullServer()]]
if (skip) console.log(`without soketi: ${skip}`)
else outsides.push(['soketi', await soketi(scope)])

console.log(`${cpus().length} cores, ${cpus()[0].model}; ${changes} changes of 200 bytes, ${values.connections} connections, median of ${values.repeat}`)
console.log('outside  subscriptions  matches/s  calls/match  calls/change')
for (const count of values.subscriptions.split(',').map(Number)) {
  for (const [name, { port }] of outsides) {
    const rounds = []
    for (let n = 0; n < Number(values.repeat); n += 1) rounds.push(await measure(port, count))
    const of = (key) => median(rounds.map((round) => round[key]))
    console.log(`${name.padEnd(7)}  ${String(count).padStart(13)}  ${of('rate').toFixed(0).padStart(9)}  ${of('callsPerMatch').toFixed(3).padStart(11)}  ${of('callsPerChange').toFixed(2).padStart(12)}`)
  }
}
for (const end of endings.reverse()) await end()
process.exit(0)
