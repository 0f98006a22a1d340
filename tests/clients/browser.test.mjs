// A page in a real browser, Chromium without a window, with stock Laravel Echo and
// pusher-js as a web application would serve them. The application, which serves
// the page and signs for presence channels, is played by this file.
import assert from 'node:assert/strict'
import http from 'node:http'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { official } from './support/apps.mjs'
import { broadcasters } from './support/clients.mjs'
import { FaultProxy } from './support/fault_proxy.mjs'
import { app, Server } from './support/server.mjs'
import { afterwards, Inbox, until } from './support/wait.mjs'
import { assertEvent, collection, create, open as openRules, remove, subscribe, tokenOf, update, users } from './support/velo.mjs'

const executablePath = '/usr/bin/chromium'
const options = existsSync(executablePath) ? {} : { skip: `there is no ${executablePath}: ./dev test installs Debian's package where it can` }
const patient = 30_000
const pause = 10_000

let server
let application
let browser
before(async () => {
  if (options.skip) return
  server = await Server.start()
  application = await applicationOf(server)
  browser = await chromium.launch({
    executablePath,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  })
})
after(async () => {
  await browser?.close()
  application?.close()
  await server?.close()
})

/** What a web application has: a page at /as/USER, its scripts, and /auth for who came in there. */
async function applicationOf(server) {
  const packages = join(dirname(fileURLToPath(import.meta.url)), 'node_modules')
  const page = '<!doctype html><meta charset="utf-8"><title>page</title><script src="/pusher.js"></script><script src="/echo.js"></script>'
  const files = {
    '/pusher.js': readFileSync(join(packages, 'pusher-js/dist/web/pusher.min.js')),
    '/echo.js': readFileSync(join(packages, 'laravel-echo/dist/echo.iife.js')),
  }
  const signer = official(server)
  const listener = http.createServer(async (incoming, outgoing) => {
    const user = /^\/as\/(\w+)$/.exec(incoming.url)?.[1]
    if (user) return outgoing.writeHead(200, { 'Content-Type': 'text/html', 'Set-Cookie': `user=${user}; Path=/; HttpOnly` }).end(page)
    if (files[incoming.url]) return outgoing.writeHead(200, { 'Content-Type': 'text/javascript' }).end(files[incoming.url])
    const signedIn = /user=(\w+)/.exec(incoming.headers.cookie)?.[1]
    if (incoming.url !== '/auth' || !signedIn) return outgoing.writeHead(incoming.url === '/auth' ? 403 : 404).end()
    let form = ''
    for await (const chunk of incoming) form += chunk
    const asked = new URLSearchParams(form)
    const member = { user_id: signedIn, user_info: { name: signedIn } }
    const answer = signer.authorizeChannel(asked.get('socket_id'), asked.get('channel_name'), member)
    outgoing.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer))
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    close: () => {
      listener.close()
      listener.closeAllConnections()
    },
  }
}

/** A page of this user with an Echo that speaks to `at`; all it tells is in `inbox`. */
async function open(t, at, { user = 'ada', broadcaster = 'reverb', ...more } = {}) {
  const context = await browser.newContext()
  afterwards(t, () => context.close())
  const page = await context.newPage()
  const inbox = new Inbox(`what the page of ${user} tells`)
  page.on('pageerror', (error) => inbox.push({ name: 'error', data: String(error) }))
  await page.exposeFunction('tell', (name, data) => inbox.push({ name, data }))
  await page.goto(`${application.url}/as/${user}`)
  await page.evaluate((settings) => {
    window.echo = new window.Echo.default(settings)
  }, {
    broadcaster,
    key: app.key,
    wsHost: '127.0.0.1',
    wsPort: at.port,
    forceTLS: false,
    enabledTransports: ['ws'],
    disableStats: true,
    cluster: '',
    authEndpoint: '/auth',
    ...more,
  })
  return { page, inbox }
}

/** A page that is subscribed to the records of `posts` of `own`, through `at`. */
async function listener(t, own, posts, { at = own, ...more } = {}) {
  const { channel_name } = await subscribe(own, posts)
  const { page, inbox } = await open(t, at, more)
  await page.evaluate((name) => {
    const { echo, tell } = window
    const channel = echo.channel(name)
    for (const action of ['created', 'updated', 'deleted']) channel.listen(`.${action}`, (data) => tell(action, data))
    channel.subscribed(() => tell('subscribed')).error((error) => tell('error', error))
  }, channel_name)
  assert.deepEqual(await inbox.next(), { name: 'subscribed', data: undefined })
  return inbox
}

/** What a page heard of records, in order and each once: an event may come again, never out of order. */
function changes(inbox) {
  const heard = inbox.items.filter(({ name }) => name !== 'subscribed').map(({ name, data }) => `${name} ${data?.record?.title ?? JSON.stringify(data)}`)
  return [...new Set(heard)]
}

async function heardAll(inbox, expected) {
  await until(() => changes(inbox).length >= expected.length, `${expected.length} changes; ${inbox.describe()}`, patient)
  assert.deepEqual(changes(inbox), expected)
}

for (const broadcaster of broadcasters) {
  test(`in a browser: Echo (${broadcaster}) sees records created, updated and deleted`, options, async (t) => {
    const posts = await collection(server)
    const inbox = await listener(t, server, posts, { broadcaster })
    const { id } = await create(server, posts, { title: 'ä"<b>' })
    assertEvent(await inbox.next(), 'created', { id, title: 'ä"<b>' })
    await update(server, posts, id, { title: 'two' })
    assertEvent(await inbox.next(), 'updated', { id, title: 'two' })
    await remove(server, posts, id)
    assertEvent(await inbox.next(), 'deleted', { id })
  })
}

test('in a browser: a private channel of another origin, which may ask or may not', options, async (t) => {
  const closed = await Server.start({ env: { VELO_CORS_ORIGINS: 'https://app.example' } })
  afterwards(t, () => closed.close())
  const token = tokenOf('ada')
  for (const [own, allowed] of [[server, true], [closed, false]]) {
    await users(own)
    const posts = await collection(own, { rules: { ...openRules, list: '@request.auth.id = owner' } })
    const { channel_name, is_public } = await subscribe(own, posts, { token })
    assert.equal(is_public, false)
    // The page is the application's; the browser asks this server for leave, preflight and all.
    const { page, inbox } = await open(t, own, { authEndpoint: `${own.url}/api/broadcasting/auth`, bearerToken: token })
    await page.evaluate((name) => {
      const { echo, tell } = window
      echo.private(name).listen('.created', (data) => tell('created', data)).subscribed(() => tell('subscribed')).error(() => tell('refused'))
    }, channel_name)
    assert.equal((await inbox.next()).name, allowed ? 'subscribed' : 'refused')
    if (!allowed) continue
    await create(own, posts, { title: 'not hers', owner: 'bob' })
    await create(own, posts, { title: 'hers', owner: 'ada' })
    assertEvent(await inbox.next(), 'created', { title: 'hers' })
  }
})

test('in a browser: presence says who is here, who joins, and who closes the page', options, async (t) => {
  const enter = ({ page }) => page.evaluate(() => {
    const { echo, tell } = window
    echo.join('room')
      .here((users) => tell('here', users.map(({ name }) => name).sort()))
      .joining(({ name }) => tell('joining', name))
      .leaving(({ name }) => tell('leaving', name))
      .error((error) => tell('error', error))
  })
  const ada = await open(t, server, { user: 'ada' })
  await enter(ada)
  assert.deepEqual(await ada.inbox.next(), { name: 'here', data: ['ada'] })
  const bob = await open(t, server, { user: 'bob' })
  await enter(bob)
  assert.deepEqual(await bob.inbox.next(), { name: 'here', data: ['ada', 'bob'] })
  assert.deepEqual(await ada.inbox.next(), { name: 'joining', data: 'bob' })
  await bob.page.close()
  assert.deepEqual(await ada.inbox.next(), { name: 'leaving', data: 'bob' })
})

for (const end of ['stop', 'crash']) {
  const how = end === 'stop' ? 'a restart of the server' : 'kill -9 of the server'
  test(`in a browser: a page survives ${how}, and hears what happened while it was away`, options, async (t) => {
    const own = await Server.start()
    afterwards(t, () => own.close())
    const posts = await collection(own)
    const proxy = await FaultProxy.start(t, own)
    const direct = await listener(t, own, posts)
    const away = await listener(t, own, posts, { at: proxy.target })
    const { id } = await create(own, posts, { title: 'one' })
    for (const inbox of [direct, away]) assertEvent(await inbox.next(), 'created', { title: 'one' })

    await own[end]()
    proxy.now('cut')
    proxy.pause() // this page does not come back before all is written
    await own.again()
    await create(own, posts, { title: 'meanwhile' })
    await update(own, posts, id, { title: 'changed' })
    await direct.find(({ name }) => name === 'subscribed', patient)
    proxy.resume()
    await away.find(({ name }) => name === 'subscribed', patient)
    await create(own, posts, { title: 'next' })
    const expected = ['created one', 'created meanwhile', 'updated changed', 'created next']
    for (const inbox of [direct, away]) await heardAll(inbox, expected)
  })
}

test('in a browser: a page survives a network that pauses for 10 s, whether it notices or not', options, async (t) => {
  const noticing = await Server.start({ env: { VELO_PUSHER_ACTIVITY_TIMEOUT: '1s', VELO_PUSHER_PONG_TIMEOUT: '500ms' } })
  afterwards(t, () => noticing.close())
  const sides = []
  for (const [own, more] of [[server, {}], [noticing, { activityTimeout: 1000, pongTimeout: 500 }]]) {
    const posts = await collection(own)
    const proxy = await FaultProxy.start(t, own)
    const inbox = await listener(t, own, posts, { at: proxy.target, ...more })
    await create(own, posts, { title: 'one' })
    assertEvent(await inbox.next(), 'created', { title: 'one' })
    sides.push({ own, posts, proxy, inbox })
  }
  for (const { proxy } of sides) proxy.pause()
  for (const { own, posts } of sides) await create(own, posts, { title: 'first missed' })
  await new Promise((resolve) => setTimeout(resolve, pause))
  for (const { own, posts, inbox } of sides) {
    await create(own, posts, { title: 'last missed' })
    assert.deepEqual(inbox.rest, []) // the network did pause
  }
  for (const { proxy } of sides) proxy.resume()
  for (const { own, posts, inbox } of sides) {
    await heardAll(inbox, ['created one', 'created first missed', 'created last missed'])
    await create(own, posts, { title: 'next' })
    await heardAll(inbox, ['created one', 'created first missed', 'created last missed', 'created next'])
  }
  const [unnoticed, noticed] = sides.map(({ inbox }) => inbox.items.filter(({ name }) => name === 'subscribed').length)
  assert.equal(unnoticed, 1)
  assert.ok(noticed > 1, 'the page did not connect again')
})
