// Servers with apps of a test's own, the official library that speaks for them,
// and whoever receives their webhooks.
import http from 'node:http'
import { createHash, createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import Pusher from 'pusher'
import { app, Server, superuser, temporaryDirectory } from './server.mjs'
import { afterwards, Inbox } from './wait.mjs'

const quoted = (value) => JSON.stringify(value)

/** `[[apps]]` in TOML; `webhooks` are objects with url, events, channel_prefix, headers. */
export function appToml({ webhooks = [], keys, ...fields }) {
  const lines = ['[[apps]]', ...Object.entries(fields).map(([name, value]) => `${name} = ${quoted(value)}`)]
  if (keys) lines.push(`keys = [${keys.map(({ key, secret }) => `{key = ${quoted(key)}, secret = ${quoted(secret)}}`)}]`)
  for (const { headers = {}, ...hook } of webhooks) {
    lines.push('[[apps.webhooks]]', ...Object.entries(hook).map(([name, value]) => `${name} = ${quoted(value)}`))
    for (const [name, value] of Object.entries(headers)) lines.push(`headers.${quoted(name)} = ${quoted(value)}`)
  }
  return `${lines.join('\n')}\n`
}

export function configFile(text) {
  const path = join(temporaryDirectory(), 'velo.toml')
  writeFileSync(path, text)
  return path
}

/** A server with these apps and nothing from the variables but the superuser token. */
export async function serverWith(t, apps, { env = {}, ...options } = {}) {
  const server = await Server.start({
    configured: { VELO_SUPERUSER_TOKEN: superuser },
    args: ['--config', configFile(apps.map(appToml).join('\n'))],
    env,
    ...options,
  })
  afterwards(t, () => server.close())
  return server
}

/** The official library for Node, speaking to `server` as the app `of`. */
export const official = (server, of = app, more = {}) =>
  new Pusher({ appId: of.id, key: of.key, secret: of.secret, host: '127.0.0.1', port: String(server.port), useTLS: false, ...more })

/** The query that signs a request, to be spoiled by those who test signatures. */
export function signedQuery(method, path, body = '', { key = app.key, secret = app.secret, query = {}, time } = {}) {
  const all = {
    ...query,
    auth_key: key,
    auth_timestamp: String(time ?? Math.floor(Date.now() / 1000)),
    auth_version: '1.0',
    ...(body === '' ? {} : { body_md5: createHash('md5').update(body).digest('hex') }),
  }
  const text = Object.keys(all).sort().map((name) => `${name}=${all[name]}`).join('&')
  const signature = createHmac('sha256', secret).update(`${method}\n${path}\n${text}`).digest('hex')
  return new URLSearchParams({ ...all, auth_signature: signature }).toString()
}

/** A signed request; resolves to the answer, whatever it is. */
export function call(server, method, path, { body, headers = {}, prefix = '', ...signing } = {}) {
  const raw = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  return server.request(method, `${prefix}${path}?${signedQuery(method, path, raw ?? '', signing)}`, {
    raw,
    headers: { ...(raw !== undefined && { 'Content-Type': 'application/json' }), ...headers },
  })
}

/**
 * Receives webhooks. `answers` says what the next requests get: a status, or a
 * function of request and response; 200 when there are none left.
 */
export class Receiver {
  static async start(t, { answers = [], server } = {}) {
    const receiver = new Receiver(answers, server)
    receiver.server.listen(0, '127.0.0.1')
    await once(receiver.server, 'listening')
    receiver.url = `${server ? 'https' : 'http'}://127.0.0.1:${receiver.server.address().port}/hook`
    afterwards(t, () => {
      receiver.server.close()
      receiver.server.closeAllConnections()
    })
    return receiver
  }

  constructor(answers, server) {
    this.requests = new Inbox('webhook requests')
    this.answers = answers
    this.server = server ?? http.createServer()
    this.server.on('request', (incoming, outgoing) => {
      const chunks = []
      incoming.on('data', (chunk) => chunks.push(chunk))
      incoming.on('end', () => {
        const rawBody = Buffer.concat(chunks).toString('utf8')
        // The port tells its connections apart.
        this.requests.push({ headers: incoming.headers, rawBody, body: JSON.parse(rawBody), from: incoming.socket.remotePort })
        const answer = this.answers.shift() ?? 200
        if (typeof answer === 'function') return answer(incoming, outgoing)
        outgoing.writeHead(answer).end('{}')
      })
    })
  }

  /** The next `count` events, in however many requests they come. */
  async events(count) {
    const events = []
    while (events.length < count) events.push(...(await this.requests.next()).body.events)
    return events
  }
}
