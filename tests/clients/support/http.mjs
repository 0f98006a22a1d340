// One HTTP request on a connection of its own, so that no test depends on
// what an earlier one left in a pool.
import http from 'node:http'
import https from 'node:https'
import { createHmac } from 'node:crypto'

/**
 * @param {object} [options]
 * @param {string} [options.token] bearer token
 * @param {*} [options.json] body to send as JSON
 * @param {string|Buffer} [options.raw] body to send as it is; type in `headers`
 * @param {object} [options.form] body to send as a form
 * @param {object} [options.headers]
 * @param {string} [options.ca] certificate to believe, for https
 * @param {string} [options.socketPath] a Unix socket to go through
 * @returns {Promise<{status: number, headers: object, text: string, body: *}>}
 */
export function request(method, url, { token, json, raw, form, headers = {}, timeout = 30_000, ca, socketPath } = {}) {
  const [type, payload] =
    json !== undefined ? ['application/json', JSON.stringify(json)]
    : form !== undefined ? ['application/x-www-form-urlencoded', new URLSearchParams(form).toString()]
    : [undefined, raw]
  const sent = {
    ...(type && { 'Content-Type': type }),
    ...(payload !== undefined && { 'Content-Length': Buffer.byteLength(payload) }),
    ...(token && { Authorization: `Bearer ${token}` }),
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const outgoing = (String(url).startsWith('https:') ? https : http).request(url, { method, headers: sent, agent: false, timeout, ca, socketPath })
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${url}: no answer in ${timeout} ms`)))
    outgoing.on('error', reject)
    outgoing.on('response', (incoming) => {
      const chunks = []
      incoming.on('data', (chunk) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: incoming.statusCode, headers: incoming.headers, text, body: parsed(text) })
      })
    })
    outgoing.end(payload)
  })
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const base64url = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** An HS256 JSON Web Token; it holds for an hour unless `claims` says otherwise. */
export function jwt(claims, secret, header = { alg: 'HS256', typ: 'JWT' }) {
  const now = Math.floor(Date.now() / 1000)
  const head = `${base64url(header)}.${base64url({ iat: now, exp: now + 3600, ...claims })}`
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`
}
