// GET /metrics: what the server counts, and who may read it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Server, superuser } from './support/server.mjs'
import { Socket } from './support/socket.mjs'
import { afterwards, until } from './support/wait.mjs'
import { collection, create, subscribe } from './support/velo.mjs'

/** Values by name with its labels. */
function parse(text) {
  const values = {}
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name, value] = line.match(/^(\S+) (\S+)$/)
    values[name] = Number(value)
  }
  return values
}

async function scrape(server, headers = {}) {
  const answer = await fetch(`${server.url}/metrics`, { headers })
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  return parse(await answer.text())
}

async function started(t, env = {}) {
  const server = await Server.start({ env })
  afterwards(t, () => server.close())
  return server
}

test('connections, deliveries and stages are counted', async (t) => {
  const server = await started(t)
  const posts = await collection(server)
  const sockets = []
  for (let n = 0; n < 5; n += 1) {
    const socket = await Socket.connect(t, server)
    const { channel_name } = await subscribe(server, posts)
    await socket.subscribe(channel_name)
    sockets.push(socket)
  }
  for (let n = 0; n < 3; n += 1) await create(server, posts, { n })
  for (const socket of sockets) for (let n = 0; n < 3; n += 1) assert.equal((await socket.frames.next()).event, 'created')

  const values = await scrape(server)
  const open = Object.entries(values).filter(([name]) => name.startsWith('velo_connections{'))
  assert.equal(open.reduce((sum, [, value]) => sum + value, 0), 5)
  assert.equal(values.velo_connections_opened_total, 5)
  assert.equal(values.velo_deliveries_total, 15)
  assert.ok(values.velo_sends_total > 0)
  assert.ok(values.velo_sent_bytes_total > values.velo_deliveries_total * 50)
  assert.ok(values.velo_received_bytes_total > 0)
  for (const stage of ['parse', 'commit', 'match', 'hand_over', 'write']) {
    const count = values[`velo_change_stage_seconds_count{stage="${stage}"}`]
    assert.ok(count >= 3, stage)
    assert.equal(values[`velo_change_stage_seconds_bucket{stage="${stage}",le="+Inf"}`], count)
    assert.ok(values[`velo_change_stage_seconds_sum{stage="${stage}"}`] > 0, stage)
  }

  sockets[0].ws.close(4321)
  await sockets[0].close()
  await until(async () => (await scrape(server)).velo_connections_closed_total === 1, 'the end to be counted')
  assert.equal((await scrape(server))['velo_closes_total{code="4321"}'], 1)
})

test('with stages off none is measured', async (t) => {
  const server = await started(t, { VELO_METRICS_STAGES: 'off' })
  const posts = await collection(server)
  await create(server, posts, {})
  const values = await scrape(server)
  assert.equal(values.velo_deliveries_total, 0)
  assert.ok(!Object.keys(values).some((name) => name.includes('stage')))
})

test('bound to more than loopback, they are for superusers and the metrics token', async (t) => {
  const server = await started(t, { VELO_HOST: '0.0.0.0', VELO_METRICS_TOKEN: 'metrics-token-0123456789' })
  const status = async (token) =>
    (await fetch(`${server.url}/metrics`, token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } })).status
  assert.equal(await status(), 401)
  assert.equal(await status('wrong'), 401)
  assert.equal(await status('metrics-token-0123456789'), 200)
  assert.equal(await status(superuser), 200)
  const others = await fetch(`${server.url}/api/collections`, { headers: { Authorization: 'Bearer metrics-token-0123456789' } })
  assert.equal(others.status, 401)
})
