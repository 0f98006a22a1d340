// Flags over environment over file over defaults; secrets; declared collections.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { app, jwtSecret, secrets, Server, superuser, temporaryDirectory, velo } from './support/server.mjs'
import { connected, listen, pusher } from './support/clients.mjs'
import { Socket } from './support/socket.mjs'
import { afterwards } from './support/wait.mjs'
import { assertEvent, assertRefused, asSuperuser, create, subscribe, tokenOf } from './support/velo.mjs'

function file(text) {
  const path = join(temporaryDirectory(), 'velo.toml')
  writeFileSync(path, text)
  return path
}

async function started(t, options) {
  const server = await Server.start(options)
  afterwards(t, () => server.close())
  return server
}

/** The line of check-config that shows a setting. */
function lineOf(output, key) {
  const line = output.split('\n').find((text) => new RegExp(`^\\s*"?${key.replace('.', '\\.')}"?\\s*[=:]`).test(text))
  assert.ok(line, `no ${key} in:\n${output}`)
  return line
}

test('check-config: flags over environment over file over defaults, each with its origin', async () => {
  const path = file('port = 9001\nthreads = 3\nhost = "127.0.0.2"\n[pusher]\nactivity_timeout = "77s"\n')
  const { code, stdout, stderr } = await velo(['check-config', '--config', path, '--port', '9003'], {
    env: { VELO_PORT: '9002', VELO_THREADS: '2' },
  })
  assert.equal(code, 0, stderr)
  assert.match(lineOf(stdout, 'port'), /9003.*(flag|--port)/i)
  assert.match(lineOf(stdout, 'threads'), /\b2\b.*(env|VELO_THREADS)/i)
  assert.match(lineOf(stdout, 'host'), /127\.0\.0\.2.*(file|velo\.toml)/i)
  assert.match(stdout, /activity_timeout"?\s*[=:].*77s?.*(file|velo\.toml)/i)
  assert.match(stdout, /stale_after"?\s*[=:].*default/i)
})

test('check-config masks secrets', async () => {
  const path = file('[[apps]]\nid = "second"\nkey = "second-key"\nsecret = "secret-of-the-second"\n[auth]\njwt_secret = "jwt-of-the-file"\n')
  const { code, stdout, stderr } = await velo(['check-config', '--config', path], { env: secrets })
  assert.equal(code, 0, stderr)
  for (const secret of [app.secret, superuser, jwtSecret, secrets.VELO_INGEST_KEY, 'secret-of-the-second', 'jwt-of-the-file']) {
    assert.equal((stdout + stderr).includes(secret), false, secret)
  }
  assert.match(stdout, /second-key/) // keys are no secrets
  assert.match(stdout, /superuser_token/)
})

test('an unknown key, a wrong type and a bad unit are errors that help', async () => {
  for (const [text, hint] of [
    ['prot = 8080', /\bport\b/],
    ['[pusher]\nactivity_timout = "1s"', /activity_timeout/],
    ['port = "many"', /port/],
    ['port = 70000', /port/],
    ['[realtime]\nstale_after = "5 parsecs"', /stale_after/],
    ['[limits]\nbody_bytes = "1 ell"', /body_bytes/],
    ['port = ', /velo\.toml|line|1/],
    ['[[collections]]\nname = "x"\nrules = { list = "a = 1)" }', /6/],
  ]) {
    const path = file(text)
    for (const command of ['check-config', 'serve']) {
      const { code, stdout, stderr } = await velo([command, '--config', path, ...(command === 'serve' ? ['--data', temporaryDirectory(), '--port', '0'] : [])])
      assert.notEqual(code, 0, `${command}: ${text}\n${stdout}`)
      assert.match(stderr + stdout, hint, command)
    }
  }
  const missing = await velo(['check-config', '--config', '/no/such/velo.toml'])
  assert.notEqual(missing.code, 0)
  assert.match(missing.stderr + missing.stdout, /\/no\/such\/velo\.toml/)
  const flag = await velo(['serve', '--no-such-flag'])
  assert.notEqual(flag.code, 0)
})

test('serve obeys the same order', async (t) => {
  const config = file('host = "127.0.0.2"\nport = 1\n[pusher]\nactivity_timeout = "33s"\n')
  const server = await started(t, { args: ['--config', config, '--host', '127.0.0.1'], env: { VELO_HOST: '127.0.0.3', VELO_PUSHER_ACTIVITY_TIMEOUT: '44s' } })
  assert.equal(new URL(server.url).hostname, '127.0.0.1')
  assert.equal((await Socket.connect(t, server)).established.activity_timeout, 44)
})

test('collections declared in the file are created, and updated at the next start', async (t) => {
  const declare = (list) => file(`[[collections]]\nname = "articles"\nrules = { list = "${list}", create = "" }\nhidden = ["secret"]\n`)
  const server = await started(t, { args: ['--config', declare('')] })
  const events = await listen(pusher(t, server), (await subscribe(server, 'articles')).channel_name)
  await create(server, 'articles', { title: 'declared', secret: 's' }, asSuperuser())
  assertEvent(await events.next(), 'created', { title: 'declared', secret: undefined })
  const rulesNow = async () => (await server.expect(200, 'GET', '/api/collections/articles', asSuperuser())).data.rules
  assert.equal((await rulesNow()).list, '')
  await server.stop()
  server.args = ['--config', declare('@request.auth.id != \'\'')]
  await server.again()
  assert.equal((await rulesNow()).list, "@request.auth.id != ''")
  assertRefused(await server.request('POST', '/api/realtime/subscribe', { json: { collection: 'articles' } }), 401)
})

test('--demo declares the public collection posts', async (t) => {
  const server = await started(t, { args: ['--demo'] })
  const answer = await subscribe(server, 'posts')
  assert.equal(answer.is_public, true)
  const events = await listen(pusher(t, server), answer.channel_name)
  await create(server, 'posts', { title: 'hello' })
  assertEvent(await events.next(), 'created', { title: 'hello' })
})

test('secrets not configured are made at the first start, kept with mode 0600 and printed once', async (t) => {
  const server = await started(t, { configured: {} })
  const printed = server.output
  const token = /superuser[ _]token[^A-Za-z0-9]+([A-Za-z0-9_.-]{16,})/i.exec(printed)?.[1]
  const key = /app[ _]key[^A-Za-z0-9]+([A-Za-z0-9_.-]{8,})/i.exec(printed)?.[1]
  assert.ok(token && key, printed)
  await server.expect(200, 'GET', '/api/collections', { token })

  const holding = readdirSync(server.data)
    .map((name) => join(server.data, name))
    .filter((path) => statSync(path).isFile() && readFileSync(path).includes(token))
  assert.ok(holding.length > 0, `no file of ${readdirSync(server.data)} holds the token`)
  for (const path of holding) assert.equal(statSync(path).mode & 0o777, 0o600, path)

  await server.restart()
  assert.equal(server.output.includes(token), false)
  await server.expect(200, 'GET', '/api/collections', { token })
  await connected(pusher(t, server, { key }))

  const other = await started(t, { configured: {} })
  assert.equal(other.output.includes(token), false)
})

test('without a JWT secret there are superusers and guests only', async (t) => {
  const { VELO_JWT_SECRET, ...without } = secrets
  assert.ok(VELO_JWT_SECRET)
  const server = await started(t, { configured: without })
  assertRefused(await server.request('GET', '/api/collections', { token: tokenOf('ada') }), 401)
  await server.expect(200, 'GET', '/api/collections', asSuperuser())
})

test('secrets are in no log line', async (t) => {
  const server = await started(t, { env: { VELO_LOG_LEVEL: 'debug' } })
  await server.request('GET', '/api/collections', { token: superuser })
  await server.request('GET', '/api/collections', { token: tokenOf('ada') })
  await server.stop()
  for (const secret of [superuser, jwtSecret, app.secret]) assert.equal(server.log.includes(secret), false)
})

test('a taken port and an unknown data format are errors in a sentence', async (t) => {
  const server = await started(t)
  const { code, stdout, stderr } = await velo(['serve', '--data', temporaryDirectory(), '--port', String(server.port)], { env: secrets })
  assert.notEqual(code, 0)
  assert.match(stdout + stderr, new RegExp(`${server.port}`))
})

test('--help and --version of the program answer at once', async () => {
  const help = await velo(['--help'])
  assert.equal(help.code, 0)
  for (const command of ['serve', 'check-config', 'explain']) assert.match(help.stdout, new RegExp(command))
  const serve = await velo(['serve', '--help'])
  assert.equal(serve.code, 0)
  for (const flag of ['--config', '--data', '--host', '--port', '--threads']) assert.match(serve.stdout, new RegExp(flag))
})
