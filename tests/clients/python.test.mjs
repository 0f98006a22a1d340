// The official library for Python and a WebSocket client, from PyPI, in an
// environment of their own that `./dev test` makes (tests/clients/.venv).
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { app } from './support/server.mjs'
import { Receiver, serverWith } from './support/apps.mjs'
import { sign, Socket } from './support/socket.mjs'
import { afterwards, Inbox } from './support/wait.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const python = join(here, '.venv/bin/python')
const options = existsSync(join(here, '.venv/.installed')) ? {} : { skip: 'PyPI could not be reached: ./dev test makes tests/clients/.venv where it can' }

// This library takes digits only.
const numbered = { ...app, id: '42' }

function library(t, server) {
  const child = spawn(python, [join(here, 'support/python_client.py'), String(server.port)], { stdio: ['pipe', 'pipe', 'inherit'] })
  afterwards(t, () => child.kill())
  const answers = new Inbox('answers of the Python library')
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) answers.push(JSON.parse(line))
  })
  return async (order) => {
    child.stdin.write(`${JSON.stringify(order)}\n`)
    return answers.next()
  }
}

async function member(t, server, channel, user_id) {
  const socket = await Socket.connect(t, server)
  const channel_data = JSON.stringify({ user_id })
  socket.send({ event: 'pusher:subscribe', data: { channel, channel_data, auth: sign(socket.id, `${channel}:${channel_data}`) } })
  await socket.frames.find(({ event }) => event === 'pusher_internal:subscription_succeeded')
  return socket
}

test('the Python library publishes, asks and signs', options, async (t) => {
  const server = await serverWith(t, [numbered])
  const ask = library(t, server)
  const socket = await Socket.connect(t, server)
  await socket.subscribe('py')
  await member(t, server, 'presence-py', 'ada')
  assert.deepEqual(await ask({ do: 'trigger', channels: ['py', 'other'], event: 'e', data: { text: 'é' } }), { ok: {} })
  assert.deepEqual(JSON.parse((await socket.frames.next()).data), { text: 'é' })
  assert.deepEqual(await ask({ do: 'trigger', channels: 'py', event: 'own', data: 'x', socket_id: socket.id }), { ok: {} })
  assert.deepEqual(await ask({ do: 'trigger_batch', batch: [{ channel: 'py', name: 'b', data: 'x' }] }), { ok: {} })
  assert.equal((await socket.frames.next()).event, 'b')
  assert.deepEqual(await ask({ do: 'channels_info', prefix: 'presence-', attributes: ['user_count'] }), { ok: { channels: { 'presence-py': { user_count: 1 } } } })
  assert.deepEqual(await ask({ do: 'channel_info', channel: 'py', attributes: ['subscription_count'] }), { ok: { occupied: true, subscription_count: 1 } })
  assert.deepEqual(await ask({ do: 'users_info', channel: 'presence-py' }), { ok: { users: [{ id: 'ada' }] } })
  const { ok } = await ask({ do: 'authenticate', channel: 'private-py', socket_id: socket.id })
  assert.equal((await socket.subscribe('private-py', ok.auth)).event, 'pusher_internal:subscription_succeeded')
  const refused = await ask({ do: 'trigger', channels: 'velo.realtime.x', event: 'e', data: 'x' })
  assert.match(refused.error, /records/)
})

test('the Python library takes our webhooks for valid', options, async (t) => {
  const receiver = await Receiver.start(t)
  const server = await serverWith(t, [{ ...numbered, webhooks: [{ url: receiver.url }] }])
  const ask = library(t, server)
  const socket = await Socket.connect(t, server)
  await socket.subscribe('py')
  const { headers, rawBody } = await receiver.requests.next()
  const order = { do: 'webhook', key: headers['x-pusher-key'], signature: headers['x-pusher-signature'], body: rawBody }
  assert.equal((await ask(order)).ok.events[0].name, 'channel_occupied')
  assert.equal((await ask({ ...order, signature: '0'.repeat(64) })).ok, null)
})

test('a WebSocket client in Python hears what the Python library publishes', options, async (t) => {
  const server = await serverWith(t, [numbered])
  const ask = library(t, server)
  const { ok } = await ask({ do: 'listen', channel: 'private-py' })
  assert.match(ok.socket_id, /^\d+\.\d+$/)
  assert.deepEqual(ok.answer, { event: 'pusher_internal:subscription_succeeded', channel: 'private-py', data: '{}' })
  assert.deepEqual(await ask({ do: 'ping' }), { ok: { pong: true, data: 'are you there' } })
  const long = 'é'.repeat(4000) // a frame with a length of 16 bits
  await ask({ do: 'trigger', channels: 'private-py', event: 'own', data: 'not for you', socket_id: ok.socket_id })
  await ask({ do: 'trigger', channels: 'private-py', event: 'e', data: { long } })
  const { ok: heard } = await ask({ do: 'next' })
  assert.equal(heard.event, 'e')
  assert.deepEqual(JSON.parse(heard.data), { long })
})
