// Servers whose events leave through drivers, and outside servers that fail on purpose.
import http from 'node:http'
import { once } from 'node:events'
import { app, Server, superuser } from './server.mjs'
import { configFile } from './apps.mjs'
import { afterwards } from './wait.mjs'

/** `[[driver]]` in TOML, for the tests' app at `port` of this machine. */
export function driverToml({ port, kind = 'reverb', ...more }) {
  const outside = ['reverb', 'pusher'].includes(kind)
  const fields = { kind, ...(outside && { host: '127.0.0.1', port, tls: false, app_id: app.id, key: app.key, secret: app.secret }), ...more }
  return ['[[driver]]', ...Object.entries(fields).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)].join('\n') + '\n'
}

/** A server with these drivers. */
export async function serverWithDrivers(t, drivers, options = {}) {
  const server = await Server.start({ args: ['--config', configFile(drivers.map(driverToml).join('\n'))], ...options })
  afterwards(t, () => server.close())
  return server
}

/** What /metrics counts of one driver: `calls`, `sent`, `queue`, ... */
export async function counted(server, name) {
  const { text } = await server.request('GET', '/metrics', { token: superuser })
  const found = {}
  for (const [, metric, driver, value] of text.matchAll(/^velo_driver_(\w+)\{driver="([^"]+)"\} (\d+)$/gm))
    if (driver === name) found[metric.replace(/_total$/, '')] = Number(value)
  return found
}

/**
 * An outside server that takes events, or does not: `answer(n)` says what the n-th
 * request gets: a status, or a function of request and response; 200 by default.
 * `taken` are the events of requests answered 200, `seen` all, each
 * `{channel, name, data, socket_id, request}`.
 */
export class Outside {
  static async start(t, { answer = () => 200 } = {}) {
    const outside = new Outside(answer)
    outside.server.listen(0, '127.0.0.1')
    await once(outside.server, 'listening')
    outside.port = outside.server.address().port
    afterwards(t, () => {
      outside.server.close()
      outside.server.closeAllConnections()
    })
    return outside
  }

  constructor(answer) {
    this.answer = answer
    this.requests = []
    this.seen = []
    this.taken = []
    this.sockets = new Set()
    this.server = http.createServer((incoming, outgoing) => {
      const chunks = []
      this.sockets.add(incoming.socket)
      incoming.on('data', (chunk) => chunks.push(chunk))
      incoming.on('end', () => {
        const number = this.requests.length
        const url = new URL(incoming.url, 'http://outside')
        const body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
        this.requests.push({ path: url.pathname, query: url.searchParams, body, raw: Buffer.concat(chunks).toString('utf8') })
        const batch = body.batch ?? (body.channels ?? [body.channel]).map((channel) => ({ ...body, channel }))
        const events = batch.map(({ channel, name, data, socket_id }) => ({ channel, name, data: JSON.parse(data), socket_id, request: number }))
        this.seen.push(...events)
        const answer = this.answer(number)
        if (answer === 200) this.taken.push(...events)
        if (typeof answer === 'function') return answer(incoming, outgoing)
        outgoing.writeHead(answer, { 'Content-Type': 'application/json' }).end(answer === 200 ? '{}' : '{"error":"said the outside server"}')
      })
    })
  }
}
