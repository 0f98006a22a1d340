// Tokens over their life: every algorithm, keys that change, subscriptions that
// end with their token and those that a newer one saves, and the superuser's word.
import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { exportJWK, exportPKCS8, exportSPKI, generateKeyPair, SignJWT } from 'jose'
import { jwtSecret, Server, superuser, temporaryDirectory, velo } from './support/server.mjs'
import { connected, listen, pusher, refusal, wireName } from './support/clients.mjs'
import { Socket } from './support/socket.mjs'
import { afterwards, Inbox, until } from './support/wait.mjs'
import { assertRefused, asSuperuser, collection, create, open, remove, subscribe, tokenOf, update, users } from './support/velo.mjs'

let server
before(async () => {
  server = await Server.start()
  await users(server)
})
after(() => server?.close())

const owned = { ...open, list: '@request.auth.id = owner' }
const seconds = (more = 0) => Math.floor(Date.now() / 1000) + more
const post = (path, json, token, on = server) => on.request('POST', `/api/realtime/${path}`, { token, json })
const refresh = (channel_name, token, on = server) => post('refresh', { channel_name }, token, on)
const revoke = (what, on = server) => on.expect(200, 'POST', '/api/realtime/revoke', asSuperuser({ json: what }))
const ping = (channel_name, token, on = server) => post('ping', { channel_name }, token, on)
/** Whether a token is taken: subscribing needs no more than that. */
const taken = async (token, on, name) => (await on.request('POST', '/api/realtime/subscribe', { token, json: { collection: name } })).status

/** A pusher-js client whose token may be exchanged, on a channel of `token`'s user; with an inbox of announcements. */
async function listener(t, on, name, token, options = {}) {
  const answer = await subscribe(on, name, { token, ...options })
  const client = pusher(t, on, { token })
  const wire = wireName(answer)
  const announced = new Inbox(`auth_expiring on ${wire}`)
  client.subscribe(wire).bind('auth_expiring', (data) => announced.push(data))
  const events = await listen(client, wire)
  return { client, channel: answer.channel_name, wire, events, announced }
}
const numbers = (inbox) => inbox.items.map(({ data }) => data.record.n)

// -- algorithms and keys -----------------------------------------------------------

async function serverWith(t, env) {
  const on = await Server.start({ env })
  afterwards(t, () => on.close())
  return on
}

for (const [alg, options] of [
  ['RS256', {}],
  ['PS256', {}],
  ['ES256', {}],
  ['EdDSA', { crv: 'Ed25519' }],
]) {
  test(`${alg}: a token of another library is taken with the key's PEM and by a key set`, async (t) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, ...options })
    const other = await generateKeyPair(alg, { extractable: true, ...options })
    const jwks = join(temporaryDirectory(), 'keys.json')
    writeFileSync(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', use: 'sig', alg }] }))
    const pem = await exportSPKI(publicKey)
    const mint = (key, header = {}) => new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg, ...header }).setExpirationTime('1h').sign(key)
    for (const env of [{ VELO_AUTH_PUBLIC_KEY: pem }, { VELO_AUTH_JWKS_FILE: jwks }]) {
      const on = await serverWith(t, { VELO_AUTH_ALGORITHMS: alg, ...env })
      const posts = await collection(on)
      assert.equal(await taken(await mint(privateKey), on, posts), 200)
      assert.equal(await taken(await mint(privateKey, { kid: 'one' }), on, posts), 200)
      assert.equal(await taken(await mint(other.privateKey), on, posts), 401)
      // The public key's text as the secret of an HMAC, and no signature at all.
      const claims = Buffer.from(JSON.stringify({ sub: 'ada' })).toString('base64url')
      for (const secret of [pem, pem.trimEnd()]) {
        const head = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${claims}`
        assert.equal(await taken(`${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`, on, posts), 401)
      }
      for (const none of ['none', 'None']) {
        assert.equal(await taken(`${Buffer.from(`{"alg":"${none}"}`).toString('base64url')}.${claims}.`, on, posts), 401)
      }
      // The secret is configured too, but its algorithm is not.
      assert.equal(await taken(tokenOf('ada'), on, posts), 401)
    }
  })
}

test('HS384 and HS512: tokens of another library are taken with the secret, each where it is configured', async (t) => {
  const secret = new TextEncoder().encode(jwtSecret)
  const mint = (alg) => new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg }).setExpirationTime('1h').sign(secret)
  for (const algorithms of [['HS256'], ['HS384'], ['HS512'], ['HS384', 'HS512']]) {
    const on = await serverWith(t, { VELO_AUTH_ALGORITHMS: algorithms.join(',') })
    const posts = await collection(on)
    for (const alg of ['HS256', 'HS384', 'HS512']) assert.equal(await taken(await mint(alg), on, posts), algorithms.includes(alg) ? 200 : 401, `${alg} where ${algorithms} are`)
  }
})

test('a public key is read again when its file changes; a broken one changes nothing', async (t) => {
  const [first, second] = await Promise.all([1, 2].map(() => generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })))
  const file = join(temporaryDirectory(), 'key.pem')
  const write = (text) => {
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }
  const mint = (pair) => new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'EdDSA' }).setExpirationTime('1h').sign(pair.privateKey)
  write(await exportSPKI(first.publicKey))
  const on = await serverWith(t, { VELO_AUTH_PUBLIC_KEY: file, VELO_JWT_SECRET: '' })
  const posts = await collection(on)
  const old = await mint(first)
  assert.equal(await taken(old, on, posts), 200)
  write('-----BEGIN PUBLIC KEY-----\n')
  await until(() => /keys of tokens: .*read before stay/.test(on.log), 'the broken file in the log')
  assert.equal(await taken(old, on, posts), 200)
  write(await exportSPKI(second.publicKey))
  const young = await mint(second)
  await until(async () => (await taken(young, on, posts)) === 200, 'the new key to be taken')
  assert.equal(await taken(old, on, posts), 401)
})

test('a key set is read again when its file changes; a broken one changes nothing', async (t) => {
  const [first, second] = await Promise.all([1, 2].map(() => generateKeyPair('ES256', { extractable: true })))
  const file = join(temporaryDirectory(), 'keys.json')
  const write = (text) => {
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }
  const setOf = async (pair, kid) => JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid }] })
  const mint = (pair, kid) => new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'ES256', kid }).setExpirationTime('1h').sign(pair.privateKey)
  write(await setOf(first, 'first'))
  const on = await serverWith(t, { VELO_AUTH_JWKS_FILE: file, VELO_JWT_SECRET: '' })
  const posts = await collection(on)
  const old = await mint(first, 'first')
  assert.equal(await taken(old, on, posts), 200)
  assert.equal(await taken(await mint(first, 'other'), on, posts), 401)
  write('{"keys": [')
  await until(() => /keys of tokens: .*no JSON Web Key Set/.test(on.log), 'the broken file in the log')
  assert.equal(await taken(old, on, posts), 200)
  write(await setOf(second, 'second'))
  const young = await mint(second, 'second')
  await until(async () => (await taken(young, on, posts)) === 200, 'the new key to be taken')
  assert.equal(await taken(old, on, posts), 401)
  write('{"keys": []}')
  await until(async () => (await taken(young, on, posts)) === 401, 'no key to be taken')
})

test('a server with a key it cannot use does not start, and says why', async () => {
  const start = (env) => Server.start({ env }).then((on) => on.close().then(() => 'started'), (error) => error.message)
  assert.match(await start({ VELO_AUTH_PUBLIC_KEY: '/nowhere/key.pem' }), /\/nowhere\/key\.pem: The file cannot be opened/)
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  assert.match(await start({ VELO_AUTH_PUBLIC_KEY: await exportPKCS8(privateKey) }), /private key/)
  assert.match(await start({ VELO_AUTH_ALGORITHMS: 'none' }), /is no algorithm of tokens here/)
  assert.match(await start({ VELO_AUTH_ALGORITHMS: 'RS256' }), /There is no public key/)
})

test('velo token makes tokens that the server takes', async (t) => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const pem = join(temporaryDirectory(), 'private.pem')
  writeFileSync(pem, await exportPKCS8(privateKey))
  const on = await serverWith(t, { VELO_AUTH_PUBLIC_KEY: await exportSPKI(publicKey), VELO_AUTH_ISSUER: 'tests' })
  const posts = await collection(on, { rules: { ...open, list: "@request.auth.role = 'editor'" } })
  const env = { VELO_JWT_SECRET: jwtSecret, VELO_AUTH_ISSUER: 'tests' }
  const minted = async (...args) => {
    const { code, stdout, stderr } = await velo(['token', '--sub', 'ada', ...args], { env })
    assert.equal(code, 0, stderr)
    return stdout.trim()
  }
  const role = ['--claim', 'role=editor']
  assert.equal(await taken(await minted(...role), on, posts), 200)
  assert.equal(await taken(await minted(...role, '--key', pem), on, posts), 200)
  assert.equal(await taken(await minted(), on, posts), 403)
  assert.equal(await taken(await minted(...role, '--claim', 'iss=others'), on, posts), 401)
  assert.equal(await taken(await minted(...role, '--secret', 'another secret of thirty-two bytes'), on, posts), 401)
  const claims = JSON.parse(Buffer.from((await minted('--expires', 'never', '--claim', 'n=[1,2]')).split('.')[1], 'base64url'))
  assert.deepEqual([claims.exp, claims.n, claims.sub], [undefined, [1, 2], 'ada'])
  for (const [args, sentence] of [
    [['--sub', ''], /--sub: Say whose token/],
    [['--sub', 'a', '--expires', 'soon'], /is no duration/],
    [['--sub', 'a', '--claim', '=1'], /is no claim/],
    [['--sub', 'a', '--algorithm', 'none'], /is none/],
    [['--sub', 'a', '--key', '/nowhere'], /cannot be opened/],
    [['--sub', 'a', '--key', pem, '--algorithm', 'RS256'], /does not go with the key/],
  ]) {
    const { code, stdout, stderr } = await velo(['token', ...args], { env })
    assert.equal(code, 1)
    assert.equal(stdout, '')
    assert.match(stderr, sentence)
  }
})

// -- expiry ------------------------------------------------------------------------

test('a subscription is told that its token expires, then ends at that moment', async (t) => {
  const posts = await collection(server)
  const exp = seconds(3)
  const { client, channel, wire, events, announced } = await listener(t, server, posts, tokenOf('ada', { exp }))
  const witness = await listen(client, (await subscribe(server, posts)).channel_name)
  await create(server, posts, { n: 1 })
  const { action, expires_at } = await announced.next()
  assert.equal(action, 'auth_expiring')
  assert.equal(Date.parse(expires_at.replace(' ', 'T')), exp * 1000)
  const error = await events.errors.next()
  assert.ok(Date.now() >= exp * 1000 - 50, 'not before its time')
  assert.deepEqual([error.status, error.type, error.reason], [401, 'AuthError', 'token_expired'])
  await create(server, posts, { n: 2 })
  await witness.take(2)
  assert.deepEqual(numbers(events), [1])
  // Nor by any other way.
  const young = tokenOf('ada')
  assertRefused(await ping(channel, young), 401)
  assertRefused(await server.request('GET', `/api/realtime/events?channel_name=${channel}&after=0`, { token: young }), 401)
  const again = pusher(t, server, { token: young })
  assert.equal((await refusal(again, wire)).status, 401)
})

test('a refresh goes on without an end and without a lost event', async (t) => {
  const posts = await collection(server, { rules: owned })
  const { channel, events, announced } = await listener(t, server, posts, tokenOf('ada', { exp: seconds(3) }))
  await announced.next()
  let n = 0
  let writing = true
  const writer = (async () => {
    while (writing) await create(server, posts, { n: (n += 1), owner: 'ada' })
  })()
  afterwards(t, () => (writing = false))
  const young = tokenOf('ada', { exp: seconds(3600) })
  const answer = await refresh(channel, young)
  assert.equal(answer.status, 200, answer.text)
  assert.equal(Date.parse(answer.body.expires_at.replace(' ', 'T')), JSON.parse(Buffer.from(young.split('.')[1], 'base64url')).exp * 1000)
  const past = Date.now() + 3500
  await until(() => Date.now() > past, 'the old token to have expired')
  writing = false
  await writer
  await events.take(n)
  assert.deepEqual(numbers(events), Array.from({ length: n }, (_, i) => i + 1))
  assert.deepEqual(events.errors.items, [])
})

test('a refresh after the end goes on where it was, with what was missed', async (t) => {
  const posts = await collection(server)
  const { client, channel, wire, events } = await listener(t, server, posts, tokenOf('ada', { exp: seconds(2) }))
  await create(server, posts, { n: 1 })
  await events.next()
  assert.equal((await events.errors.next()).status, 401)
  await create(server, posts, { n: 2 })
  const young = tokenOf('ada')
  assert.equal((await refresh(channel, young)).status, 200)
  assert.equal((await ping(channel, young)).status, 200)
  client.unsubscribe(wire)
  const on = await listen(pusher(t, server, { token: young }), wire)
  await create(server, posts, { n: 3 })
  await until(() => numbers(on).includes(3), 'the last event')
  assert.deepEqual(numbers(on).filter((n) => n > 1), [2, 3])
})

test('a private channel that is signed anew with a newer token is refreshed by that', async (t) => {
  const posts = await collection(server, { rules: owned })
  const { client, channel, wire, events } = await listener(t, server, posts, tokenOf('ada', { exp: seconds(2) }))
  await create(server, posts, { n: 1, owner: 'ada' })
  await events.next()
  const past = Date.now() + 2500
  const young = tokenOf('ada', { exp: seconds(3600) })
  const sign = (token) => server.request('POST', '/api/broadcasting/auth', { token, json: { socket_id: client.connection.socket_id, channel_name: wire } })
  assert.equal((await sign(tokenOf('eve'))).status, 403)
  assert.equal((await sign(young)).status, 200)
  await until(() => Date.now() > past, 'the old token to have expired')
  await create(server, posts, { n: 2, owner: 'ada' })
  await events.next()
  assert.deepEqual(numbers(events), [1, 2])
  assert.deepEqual(events.errors.items, [])
  // An older one takes nothing back.
  assert.equal((await sign(tokenOf('ada', { exp: seconds(60) }))).status, 200)
  const row = (await server.expect(200, 'GET', '/api/realtime/connections?limit=500', asSuperuser())).data.find(({ channel_name }) => channel_name === channel)
  assert.ok(Date.parse(row.expires_at.replace(' ', 'T')) > Date.now() + 600_000)
})

test('only the same user refreshes', async (t) => {
  const posts = await collection(server)
  const { channel, events } = await listener(t, server, posts, tokenOf('ada', { exp: seconds(3600) }))
  assertRefused(await refresh(channel, tokenOf('eve')), 403)
  assertRefused(await refresh(channel, superuser), 403)
  assertRefused(await refresh(channel), 401)
  assertRefused(await refresh(channel, tokenOf('ada', { exp: seconds(-1) })), 401)
  assertRefused(await refresh('velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11', tokenOf('ada')), 404)
  assertRefused(await refresh('nonsense', tokenOf('ada')), 422)
  await create(server, posts, { n: 1 })
  await events.next()
})

test('an end holds over a restart of the server', async (t) => {
  const on = await serverWith(t, {})
  const posts = await collection(on)
  const exp = seconds(4)
  const { client, channel, events } = await listener(t, on, posts, tokenOf('ada', { exp }))
  await on.restart()
  await connected(client)
  await events.successes.next()
  assert.equal((await events.errors.next()).reason, 'token_expired')
  assert.ok(Date.now() >= exp * 1000 - 50)
  await on.restart()
  assertRefused(await ping(channel, tokenOf('ada'), on), 401)
})

test('claims that are the identity are rebound by a refresh', async (t) => {
  const on = await serverWith(t, {})
  const posts = await collection(on, { rules: { ...open, list: '@request.auth.team = team' } })
  const { channel, events } = await listener(t, on, posts, tokenOf('ada', { team: 'red', iat: seconds(-10), exp: seconds(3600) }))
  await create(on, posts, { n: 1, team: 'red' })
  assert.equal((await refresh(channel, tokenOf('ada', { team: 'blue' }), on)).status, 200)
  await create(on, posts, { n: 2, team: 'red' })
  await create(on, posts, { n: 3, team: 'blue' })
  await events.take(2)
  assert.deepEqual(numbers(events), [1, 3])
})

// -- revocation --------------------------------------------------------------------

test('a user who is deleted hears no more', async (t) => {
  const posts = await collection(server)
  await create(server, 'users', { id: 'gone' })
  const { client, events } = await listener(t, server, posts, tokenOf('gone'))
  const witness = await listen(client, (await subscribe(server, posts)).channel_name)
  await remove(server, 'users', 'gone')
  const error = await events.errors.next()
  assert.deepEqual([error.status, error.reason], [401, 'user_deleted'])
  await create(server, posts, { n: 1 })
  await witness.next()
  assert.deepEqual(events.items, [])
})

test('a user who is logged out hears no more, and comes back with a newer token only', async (t) => {
  const on = await serverWith(t, {})
  await users(on)
  const posts = await collection(on)
  const old = tokenOf('ada', { iat: seconds(-60) })
  const { client, channel, wire, events } = await listener(t, on, posts, old)
  const others = await listener(t, on, posts, tokenOf('bob'))
  const asleep = await subscribe(on, posts, { token: old })
  const witness = await listen(client, (await subscribe(on, posts)).channel_name)
  await create(on, posts, { n: 1 })
  await Promise.all([events.next(), others.events.next(), witness.next()])
  await revoke({ user: 'ada' }, on)
  const error = await events.errors.next()
  assert.deepEqual([error.status, error.type, error.reason], [401, 'AuthError', 'revoked'])
  await create(on, posts, { n: 2 })
  await Promise.all([others.events.next(), witness.next()])
  assert.deepEqual(numbers(events), [1])
  assert.equal(await taken(old, on, posts), 401)
  assert.equal((await on.request('POST', '/api/collections/' + posts + '/records', { token: old, json: {} })).status, 401)
  assertRefused(await ping(channel, tokenOf('ada', { iat: seconds(5) }), on), 404)
  await on.restart()
  assert.equal(await taken(old, on, posts), 401)
  assert.equal((await refusal(pusher(t, on, { token: old }), wireName(asleep))).status >= 400, true)
  const young = tokenOf('ada', { iat: seconds(30) })
  assert.equal(await taken(young, on, posts), 200)
  assertRefused(await refresh(asleep.channel_name, young, on), [401, 404])
  assert.notEqual(wire, wireName(asleep))
})

test('sockets that are signed in as a user end with the user', async (t) => {
  const on = await serverWith(t, {})
  await users(on)
  await create(on, 'users', { id: 'bob' })
  const signedIn = async (user) => {
    const socket = await Socket.connect(t, on)
    const { auth, user_data } = await on.expect(200, 'POST', '/api/broadcasting/user-auth', { token: tokenOf(user), json: { socket_id: socket.id } })
    socket.send({ event: 'pusher:signin', data: { auth, user_data } })
    await socket.frames.find(({ event }) => event === 'pusher:signin_success')
    return socket
  }
  const [ada, bob, eve] = await Promise.all(['ada', 'bob', 'eve'].map(signedIn))
  await revoke({ user: 'ada' }, on)
  assert.equal((await ada.close()).code, 4009)
  await on.expect(204, 'DELETE', '/api/collections/users/records/bob', asSuperuser())
  assert.equal((await bob.close()).code, 4009)
  // Of another collection, and so another user.
  await collection(on, { name: 'members', type: 'auth' })
  await revoke({ user: 'eve', collection: 'members' }, on)
  await eve.ping()
  const again = await signedIn('eve')
  await again.ping()
})

test('one token is revoked, by its id or by itself, until it would have expired', async (t) => {
  const on = await serverWith(t, {})
  const posts = await collection(on)
  for (const [n, how] of [
    (token, jti) => ({ token_id: jti }),
    (token, jti) => ({ token_id: jti, expires_at: seconds(3600) }),
    (token) => ({ token }),
  ].entries()) {
    const jti = `token-${n}`
    const token = tokenOf('ada', { jti, exp: seconds(3600) })
    const first = await listener(t, on, posts, token)
    const second = await listener(t, on, posts, tokenOf('ada', { jti: `${jti}-other` }))
    const { until: end } = await revoke(how(token, jti), on)
    if (n > 0) assert.ok(Math.abs(Date.parse(end.replace(' ', 'T')) - Date.now() - 3_600_000) < 60_000)
    assert.equal((await first.events.errors.next()).reason, 'revoked')
    await create(on, posts, { n })
    assert.equal((await second.events.next()).data.record.n, n)
    assert.deepEqual(first.events.items, [])
    assert.equal(await taken(token, on, posts), 401)
    await on.restart()
    assert.equal(await taken(token, on, posts), 401)
  }
})

test('one channel is revoked', async (t) => {
  const posts = await collection(server)
  const token = tokenOf('ada')
  const first = await listener(t, server, posts, token)
  const second = await listener(t, server, posts, token)
  await revoke({ channel_name: first.channel })
  assert.deepEqual([(await first.events.errors.next()).reason], ['revoked'])
  await create(server, posts, { n: 1 })
  await second.events.next()
  assert.deepEqual(first.events.items, [])
  assertRefused(await post('revoke', { channel_name: first.channel }, superuser), 404)
  assertRefused(await refresh(first.channel, token), 404)
})

test('revoke is for superusers, and says what it does not understand', async () => {
  assertRefused(await post('revoke', { user: 'ada' }), 401)
  assertRefused(await post('revoke', { user: 'ada' }, tokenOf('ada')), 403)
  for (const [json, field] of [
    [{}, 'user'],
    [{ user: 7 }, 'user'],
    [{ user: '' }, 'user'],
    [{ user: 'a', token_id: 'b' }, 'token_id'],
    [{ user: 'a', collection: 'nowhere' }, 'collection'],
    [{ user: 'a', collection: 7 }, 'collection'],
    [{ token_id: 'a', expires_at: 'soon' }, 'expires_at'],
    [{ token_id: 'a', expires_at: -1e300 }, 'expires_at'],
    [{ token: 'nonsense' }, 'token'],
    [{ token: superuser }, 'token'],
    [{ token: tokenOf('ada') }, 'token'],
    [{ channel_name: 'nonsense' }, 'channel_name'],
  ]) {
    assertRefused(await post('revoke', json, superuser), 422, field)
  }
})

// -- the superuser's own token -----------------------------------------------------

test('a superuser token is rotated: the previous one is taken as long as it is configured', async (t) => {
  const on = await serverWith(t, { VELO_SUPERUSER_TOKEN: 'new-token', VELO_SUPERUSER_TOKEN_PREVIOUS: superuser })
  const list = async (token) => (await on.request('GET', '/api/collections', { token })).status
  assert.deepEqual([await list('new-token'), await list(superuser), await list('others')], [200, 200, 401])
  delete on.env.VELO_SUPERUSER_TOKEN_PREVIOUS
  await on.restart()
  assert.deepEqual([await list('new-token'), await list(superuser)], [200, 401])
})

// -- explain -----------------------------------------------------------------------

test('explain tells which clause decides for a channel and a record', async () => {
  const posts = await collection(server, { rules: { ...open, list: '@request.auth.id = owner OR public = true' } })
  const token = tokenOf('ada')
  const { channel_name } = await subscribe(server, posts, { token, filter: 'price < 10 AND NOT archived = true', events: ['created', 'updated'] })
  const explain = async (json) => (await server.expect(200, 'POST', '/api/realtime/explain', asSuperuser({ json: { channel_name, ...json } }))).data
  const clauses = ({ clauses }) => clauses.map(({ expression, value }) => `${expression}: ${value}`)
  const delivered = await explain({ record: { owner: 'ada', price: 5 } })
  assert.deepEqual([delivered.delivered, delivered.decided_by], [true, 'match'])
  assert.equal(delivered.auth.id, 'ada')
  assert.deepEqual(clauses(delivered), ['@request.auth.id = @record.owner: true', 'price < 10: true', 'archived = true: false'])
  const byRule = await explain({ record: { owner: 'eve', price: 5 } })
  assert.deepEqual([byRule.delivered, byRule.decided_by], [false, 'rule'])
  assert.deepEqual(clauses(byRule), ['@request.auth.id = @record.owner: false', 'public = true: false'])
  const byFilter = await explain({ record: { public: true, price: 50 } })
  assert.deepEqual([byFilter.delivered, byFilter.decided_by], [false, 'filter'])
  assert.deepEqual(clauses(byFilter), ['price < 10: false'])
  const byEvent = await explain({ record: { public: true, price: 5 }, action: 'deleted' })
  assert.deepEqual([byEvent.delivered, byEvent.decided_by], [false, 'events'])
  const { id } = await create(server, posts, { owner: 'ada', price: 99 })
  assert.equal((await explain({ record_id: id })).decided_by, 'filter')
  await update(server, posts, id, { price: 9 })
  assert.equal((await explain({ record_id: id })).delivered, true)

  const ask = (json, token = superuser) => server.request('POST', '/api/realtime/explain', { token, json })
  assertRefused(await ask({ channel_name, record: {} }, token), 403)
  assertRefused(await server.request('POST', '/api/realtime/explain', { json: { channel_name, record: {} } }), 401)
  assertRefused(await ask({ channel_name }), 422, 'record')
  assertRefused(await ask({ channel_name, record: {}, record_id: 'x' }), 422, 'record')
  assertRefused(await ask({ channel_name, record: 7 }), 422, 'record')
  assertRefused(await ask({ channel_name, record_id: 'nowhere' }), 422, 'record_id')
  assertRefused(await ask({ channel_name, record: {}, action: 'exploded' }), 422, 'action')
  assertRefused(await ask({ channel_name: 'velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11', record: {} }), 404)
})

test('explain reads what subscribe took, under raised limits too', async (t) => {
  const on = await serverWith(t, { VELO_LIMITS_EXPRESSION_BYTES: '16384' })
  const posts = await collection(on)
  const { channel_name } = await subscribe(on, posts, { filter: `title = "${'x'.repeat(5000)}"` })
  const { data } = await on.expect(200, 'POST', '/api/realtime/explain', asSuperuser({ json: { channel_name, record: { title: 'x' } } }))
  assert.equal(data.decided_by, 'filter')
})

test('explain says that a token is at its end', async () => {
  const posts = await collection(server)
  const explain = async (channel_name) =>
    (await server.expect(200, 'POST', '/api/realtime/explain', asSuperuser({ json: { channel_name, record: {} } }))).data
  const short = await subscribe(server, posts, { token: tokenOf('ada', { exp: seconds(2) }) })
  assert.equal((await explain(short.channel_name)).delivered, true)
  await until(async () => (await explain(short.channel_name)).decided_by === 'token_expired', 'the token to expire')
  const revoked = await subscribe(server, posts, { token: tokenOf('ada', { jti: 'explained' }) })
  await revoke({ token_id: 'explained' })
  assert.equal((await explain(revoked.channel_name)).decided_by, 'revoked')
})
