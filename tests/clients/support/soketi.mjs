// soketi from npm: a Pusher server that nobody here wrote.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import net from 'node:net'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { app } from './server.mjs'
import { request } from './http.mjs'
import { afterwards, patience, until, within } from './wait.mjs'

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../soketi')
const program = join(folder, 'node_modules/@soketi/soketi/bin/server.js')
export const skip = existsSync(join(folder, 'node_modules/.installed')) ? false : 'soketi could not be installed: ./dev test installs it in tests/soketi where npm can'

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Starts soketi with the tests' app; `env` are variables of its own on top. */
export async function soketi(t, { port, env = {} } = {}) {
  port ??= await freePort()
  const metrics = await freePort()
  const variables = {
    SOKETI_HOST: '127.0.0.1',
    SOKETI_PORT: port,
    SOKETI_METRICS_SERVER_PORT: metrics,
    SOKETI_DEFAULT_APP_ID: app.id,
    SOKETI_DEFAULT_APP_KEY: app.key,
    SOKETI_DEFAULT_APP_SECRET: app.secret,
    SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: 'true',
    SOKETI_DEFAULT_APP_USER_AUTHENTICATION: 'true',
    ...env,
  }
  const child = spawn(process.execPath, [program, 'start'], { cwd: folder, env: { ...process.env, ...variables }, stdio: ['ignore', 'ignore', 'ignore'] })
  const ended = once(child, 'close')
  afterwards(t, () => {
    child.kill('SIGKILL')
    return within(patience, ended, 'soketi to end')
  })
  const url = `http://127.0.0.1:${port}`
  const ready = async () => (await request('GET', `${url}/ready`, { timeout: 1_000 }).catch(() => ({}))).status === 200
  await until(ready, 'soketi to be ready', 60_000)
  return { port, url, request: (method, path, options) => request(method, url + path, options) }
}
