// Webhooks, verified by the official library; receivers that fail in every way,
// and servers that restart in between (PUSHER_PROTOCOL.md 14).
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import https from 'node:https'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { app, temporaryDirectory } from './support/server.mjs'
import { call, official, Receiver, serverWith } from './support/apps.mjs'
import { sign, Socket } from './support/socket.mjs'
import { collection, create, subscribe } from './support/velo.mjs'
import { until } from './support/wait.mjs'

const quick = { VELO_WEBHOOKS_DELAY: '300ms', VELO_WEBHOOKS_RETRY_FIRST: '50ms', VELO_WEBHOOKS_TIMEOUT: '2s' }

const hooked = (t, webhooks, { env = {}, of = app, ...options } = {}) =>
  serverWith(t, [{ ...of, subscription_count: true, webhooks }], { env: { ...quick, ...env }, ...options })

async function member(t, server, channel, user_id) {
  const socket = await Socket.connect(t, server)
  const channel_data = JSON.stringify({ user_id })
  socket.send({ event: 'pusher:subscribe', data: { channel, channel_data, auth: sign(socket.id, `${channel}:${channel_data}`) } })
  await socket.frames.find(({ event }) => event === 'pusher_internal:subscription_succeeded')
  return socket
}

const named = (events) => events.map(({ name, channel, user_id }) => [name, channel, user_id].filter(Boolean).join(' '))

test('a webhook is what the official library takes for valid', async (t) => {
  const receiver = await Receiver.start(t)
  const server = await hooked(t, [{ url: receiver.url, headers: { 'X-Tenant': 'seven' } }])
  await member(t, server, 'presence-room', '42')
  const before = Date.now()
  const { headers, rawBody } = await receiver.requests.next()
  assert.equal(headers['content-type'], 'application/json')
  assert.equal(headers['x-pusher-key'], app.key)
  assert.equal(headers['x-tenant'], 'seven')
  const webhook = official(server).webhook({ headers, rawBody })
  assert.ok(webhook.isValid())
  assert.equal(webhook.getEvents()[0].name, 'channel_occupied')
  assert.ok(Math.abs(webhook.getTime().getTime() - before) < 60_000)
  const forged = official(server).webhook({ headers, rawBody: rawBody.replace('presence-room', 'presence-other') })
  assert.equal(forged.isValid(), false)
})

test('every kind of event is told, those of a channel in their order', async (t) => {
  const receiver = await Receiver.start(t)
  const server = await hooked(t, [{ url: receiver.url }])
  const socket = await member(t, server, 'presence-room', '42')
  const other = await member(t, server, 'presence-room', '7')
  socket.send({ event: 'client-typing', channel: 'presence-room', data: { a: 1 } })
  await other.frames.find(({ event }) => event === 'client-typing')
  const told = await receiver.events(4)
  assert.deepEqual(named(told), ['channel_occupied presence-room', 'member_added presence-room 42', 'member_added presence-room 7', 'client_event presence-room 42'])
  const { event, data, socket_id } = told[3]
  assert.deepEqual([event, JSON.parse(data), socket_id], ['client-typing', { a: 1 }, socket.id])
  socket.ws.close()
  other.ws.close()
  assert.deepEqual(named(await receiver.events(3)).sort(), ['channel_vacated presence-room', 'member_removed presence-room 42', 'member_removed presence-room 7'])

  const cached = await Socket.connect(t, server)
  await cached.subscribe('cache-x')
  const more = await receiver.events(3)
  assert.deepEqual(named(more).sort(), ['cache_miss cache-x', 'channel_occupied cache-x', 'subscription_count cache-x'])
  assert.equal(more.find(({ name }) => name === 'subscription_count').subscription_count, 1)
})

test('who comes back within the delay was never away', async (t) => {
  const receiver = await Receiver.start(t)
  const server = await hooked(t, [{ url: receiver.url, events: ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed'] }], { env: { VELO_WEBHOOKS_DELAY: '5s' } })
  const first = await member(t, server, 'presence-a', 'ada')
  assert.deepEqual(named(await receiver.events(2)), ['channel_occupied presence-a', 'member_added presence-a ada'])
  first.ws.close()
  await first.close()
  await until(async () => !(await call(server, 'GET', '/apps/velo/channels/presence-a')).body.occupied, 'the channel to be left')
  await member(t, server, 'presence-a', 'ada')
  // What is told next is what happened after: nothing of the leaving is.
  await member(t, server, 'presence-b', 'bob')
  assert.deepEqual(named(await receiver.events(2)), ['channel_occupied presence-b', 'member_added presence-b bob'])
})

test('filters choose what each webhook gets, and what is signed is what is sent', async (t) => {
  const [all, some] = [await Receiver.start(t), await Receiver.start(t)]
  const server = await hooked(t, [{ url: all.url }, { url: some.url, events: ['member_added'], channel_prefix: 'presence-wanted' }])
  await member(t, server, 'presence-other', 'ada')
  await member(t, server, 'presence-wanted-1', 'ada')
  assert.equal((await all.events(4)).length, 4)
  const { headers, rawBody, body } = await some.requests.next()
  assert.deepEqual(named(body.events), ['member_added presence-wanted-1 ada'])
  assert.ok(official(server).webhook({ headers, rawBody }).isValid())
  assert.deepEqual(some.requests.rest, [])
})

test('a receiver that fails, is slow or cuts the answer off gets everything in order', async (t) => {
  const receiver = await Receiver.start(t, {
    answers: [
      500,
      302,
      (incoming) => incoming.socket.destroy(),
      (incoming) => incoming.socket.end('HTTP/1.1 200 O'),
      (_, outgoing) => setTimeout(() => outgoing.writeHead(200).end(), 1_000), // past the timeout
      (incoming) => incoming.socket.end('nonsense\r\n\r\n'),
      404,
    ],
  })
  const server = await hooked(t, [{ url: receiver.url, events: ['channel_occupied'] }], { env: { VELO_WEBHOOKS_TIMEOUT: '500ms' } })
  const socket = await Socket.connect(t, server)
  for (const name of ['a', 'b', 'c']) await socket.subscribe(name)
  const first = await receiver.requests.next()
  for (let n = 0; n < 7; n += 1) assert.equal((await receiver.requests.next()).rawBody, first.rawBody)
  const rest = ['a', 'b', 'c'].slice(first.body.events.length)
  if (rest.length > 0) assert.deepEqual((await receiver.events(rest.length)).map(({ channel }) => channel), rest)
})

test('what was not accepted before a restart is told after it, a leaving too', async (t) => {
  const receiver = await Receiver.start(t, { answers: Array(1000).fill(503) })
  const server = await hooked(t, [{ url: receiver.url, events: ['channel_occupied', 'channel_vacated'] }])
  const socket = await Socket.connect(t, server)
  await socket.subscribe('before')
  await receiver.requests.next()
  await server.stop()
  receiver.requests.taken = receiver.requests.items.length
  receiver.answers.length = 0
  await server.again()
  // The first request of the new run was accepted, and so was all that followed.
  const names = named(await receiver.events(2))
  assert.deepEqual(names, ['channel_occupied before', 'channel_vacated before'])
})

test('kill -9: what a receiver did not accept is told after it', async (t) => {
  const receiver = await Receiver.start(t, { answers: Array(1000).fill(503) })
  const server = await hooked(t, [{ url: receiver.url, events: ['channel_occupied'] }])
  const socket = await Socket.connect(t, server)
  await socket.subscribe('before')
  await receiver.requests.next() // it was sent, so it is on disk
  await server.crash()
  receiver.requests.taken = receiver.requests.items.length
  receiver.answers.length = 0
  await server.again()
  assert.deepEqual(named((await receiver.requests.next()).body.events), ['channel_occupied before'])
})

test('kill -9: who was there and does not come back has left, who comes back has not', async (t) => {
  const receiver = await Receiver.start(t)
  const server = await hooked(t, [{ url: receiver.url, events: ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed'] }])
  await member(t, server, 'presence-gone', 'ada')
  await member(t, server, 'presence-kept', 'bob')
  assert.equal((await receiver.events(4)).length, 4)
  // What was told is on disk, and so is who is there, a moment later.
  await member(t, server, 'presence-last', 'eve')
  await receiver.events(2)
  await server.crash()
  await server.again()
  await member(t, server, 'presence-kept', 'bob')
  // What was accepted right before the crash may come once more (at least once).
  const left = []
  const again = ['channel_occupied presence-last', 'member_added presence-last eve']
  while (left.length < 4) left.push(...named(await receiver.events(1)).filter((event) => !again.includes(event)))
  assert.deepEqual(left.sort(), ['channel_vacated presence-gone', 'channel_vacated presence-last', 'member_removed presence-gone ada', 'member_removed presence-last eve'])
  // Neither a leaving nor a coming of his was told.
  await member(t, server, 'presence-next', 'bob')
  assert.deepEqual(named(await receiver.events(2)), ['channel_occupied presence-next', 'member_added presence-next bob'])
})

test('an app hears of itself alone, signed with its own key', async (t) => {
  const receiver = await Receiver.start(t)
  const [a, b] = ['a', 'b'].map((id) => ({ id, key: `${id}-key`, secret: `${id}-secret` }))
  const server = await serverWith(t, [{ ...a, webhooks: [{ url: receiver.url }] }, b], { env: quick })
  const ofB = await Socket.connect(t, server, { key: b.key })
  await ofB.subscribe('news')
  const ofA = await Socket.connect(t, server, { key: a.key })
  await ofA.subscribe('other')
  const { headers, rawBody, body } = await receiver.requests.next()
  assert.deepEqual(named(body.events), ['channel_occupied other'])
  assert.equal(headers['x-pusher-key'], 'a-key')
  assert.ok(official(server, a).webhook({ headers, rawBody }).isValid())
  assert.deepEqual(receiver.requests.rest, [])
})

test('what is secret in the URL of a receiver stays out of the log', async (t) => {
  const server = await hooked(t, [{ url: 'http://127.0.0.1:1/hook?token=secret-of-the-receiver' }])
  await (await Socket.connect(t, server)).subscribe('news')
  await until(() => /127\.0\.0\.1:1\/hook does not accept/.test(server.log), 'the failure in the log')
  assert.doesNotMatch(server.log, /secret-of-the-receiver/)
})

test('record channels send none', async (t) => {
  const receiver = await Receiver.start(t)
  const server = await hooked(t, [{ url: receiver.url, events: ['channel_occupied', 'channel_vacated'] }])
  const posts = await collection(server)
  const { channel_name } = await subscribe(server, posts)
  const socket = await Socket.connect(t, server)
  await socket.subscribe(channel_name)
  await create(server, posts, { title: 'x' })
  await socket.frames.find(({ event }) => event === 'created')
  await socket.subscribe('plain')
  assert.deepEqual(named((await receiver.requests.next()).body.events), ['channel_occupied plain'])
})

test('connections to a receiver are kept and used again', async (t) => {
  const receiver = await Receiver.start(t)
  const server = await hooked(t, [{ url: receiver.url, events: ['channel_occupied'] }])
  const socket = await Socket.connect(t, server)
  const used = new Set()
  for (const name of ['a', 'b', 'c']) {
    await socket.subscribe(name)
    used.add((await receiver.requests.next()).from)
  }
  assert.equal(used.size, 1)
})

test('https: a certificate that is not trusted, or is another host\'s, gets nothing', async (t) => {
  const folder = temporaryDirectory()
  const make = (name, san) =>
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=${san}`, '-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)], { stdio: 'ignore' })
  make('good', 'IP:127.0.0.1')
  make('wrong', 'DNS:example.org')
  const start = (name) =>
    Receiver.start(t, { server: https.createServer({ key: readFileSync(join(folder, `${name}.key`)), cert: readFileSync(join(folder, `${name}.crt`)) }) })
  const good = await start('good')
  const wrong = await start('wrong')
  for (const [receiver, authorities, accepted] of [
    [good, 'good.crt', true],
    [good, 'wrong.crt', false],
    [wrong, 'wrong.crt', false],
  ]) {
    const server = await hooked(t, [{ url: receiver.url, events: ['channel_occupied'] }], { env: { SSL_CERT_FILE: join(folder, authorities) } })
    const socket = await Socket.connect(t, server)
    await socket.subscribe('x')
    if (accepted) {
      const { headers, rawBody } = await receiver.requests.next()
      assert.ok(official(server).webhook({ headers, rawBody }).isValid())
    } else {
      await until(() => /does not accept: .*(certificate|verif)/i.test(server.log), 'the refusal in the log')
      assert.deepEqual(receiver.requests.rest, [])
    }
    await server.stop()
  }
})
