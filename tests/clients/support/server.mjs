// Starts the real server binary on a free port with a data directory of its
// own, and ends it again. What it printed is shown when something goes wrong.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { within } from './wait.mjs'
import { request } from './http.mjs'

const here = dirname(fileURLToPath(import.meta.url))
export const binary = resolve(process.env.VELO_BIN ?? join(here, '../../../build/release/velo'))

export const app = { id: 'velo', key: 'velo-key', secret: 'velo-secret' }
export const superuser = 'superuser-token-of-the-tests'
export const ingestKey = 'ingest-key-of-the-tests'
export const jwtSecret = 'jwt-secret-of-the-tests-0123456789abcdef'

/** What every server of the tests is configured with, unless a test says otherwise. */
export const secrets = {
  VELO_APP_ID: app.id,
  VELO_APP_KEY: app.key,
  VELO_APP_SECRET: app.secret,
  VELO_SUPERUSER_TOKEN: superuser,
  VELO_INGEST_KEY: ingestKey,
  VELO_JWT_SECRET: jwtSecret,
}

/** No VELO_* of the developer's shell reaches a server. */
export function environment(variables) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('VELO_'))
  return { ...Object.fromEntries(inherited), ...variables }
}

// In memory where there is room: a fsync of a busy disk takes a second, and
// what the tests end is the process, never the machine.
const temporary = process.env.VELO_TEST_TMP ?? (roomy('/dev/shm') ? '/dev/shm' : tmpdir())

function roomy(path) {
  try {
    const { bavail, bsize } = statfsSync(path)
    accessSync(path, constants.W_OK)
    return bavail * bsize > 1 << 30
  } catch {
    return false
  }
}

export function temporaryDirectory() {
  const path = mkdtempSync(join(temporary, 'velo-test-'))
  directories.add(path)
  return path
}

const running = new Set()
const directories = new Set()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const path of directories) rmSync(path, { recursive: true, force: true })
})
// pusher-js goes on trying to connect after disconnect(), and its timers would
// keep a finished file from ending.
after(() => {
  setTimeout(() => process.exit(), 500).unref()
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

const readyLine = /^velo ready on (https?:\/\/[^\s]+)/m

export class Server {
  /**
   * Starts a server and resolves once it says it is ready.
   * @param {object} [options]
   * @param {object} [options.env] variables on top of `secrets`
   * @param {string[]} [options.args] flags behind `velo serve`
   * @param {string} [options.data] data directory; a temporary one by default
   * @param {string} [options.ca] the certificate that its clients believe; see tls.mjs
   * @param {string[]} [options.limits] such as `--fsize=1048576` of prlimit(1)
   */
  static async start(options = {}) {
    const server = new Server(options)
    await server.launch(options.port ?? 0)
    return server
  }

  constructor({ env = {}, args = [], data, limits = [], configured = secrets, ca } = {}) {
    this.limits = limits
    this.ca = ca
    this.env = { VELO_DRAIN_TIME: '100ms', ...configured, ...env }
    this.args = args
    this.data = data ?? temporaryDirectory()
    this.log = ''
  }

  /** Starts the process; also used to start it again on the same data and port. */
  async launch(port) {
    if (!existsSync(binary)) throw new Error(`there is no ${binary}: ./dev build, or set VELO_BIN`)
    const ports = port === undefined ? [] : ['--port', String(port)]
    const command = [binary, 'serve', '--data', this.data, ...ports, ...this.args]
    // Soft limits only: they can be raised again.
    const limited = this.limits.length > 0 ? ['prlimit', ...this.limits.map((limit) => `${limit}:`), ...command] : command
    const child = spawn(limited[0], limited.slice(1), {
      env: environment(this.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // A server that a test forgot does not keep the tests from ending; see `exit` above.
    for (const handle of [child, child.stdout, child.stderr]) handle.unref()
    this.child = child
    this.output = ''
    running.add(child)
    this.exited = once(child, 'close').then(([code, signal]) => {
      running.delete(child)
      if (signal !== null && !child.killed) {
        console.error(`velo ended by itself (${signal}):\n${this.log.slice(-4000)}`)
      }
      return { code, signal }
    })
    const ready = new Promise((resolve) => {
      const read = (text) => {
        this.log += text
        this.output += text
        const found = readyLine.exec(this.output)
        if (found) resolve(found[1])
      }
      child.stdout.setEncoding('utf8').on('data', read)
      child.stderr.setEncoding('utf8').on('data', read)
    })
    const ended = this.exited.then(({ code, signal }) => {
      throw new Error(`velo ended (${signal ?? code}) before it was ready:\n${this.log}`)
    })
    ended.catch(() => {})
    try {
      this.url = (await within(30_000, Promise.race([ready, ended]), 'the ready line')).replace(/\/$/, '')
    } catch (error) {
      child.kill('SIGKILL')
      throw new Error(`${error.message}\n-- velo printed --\n${this.log}`)
    }
    this.port = Number(new URL(this.url).port)
    return this
  }

  /** Changes a limit of the running server, as prlimit(1) spells it. */
  async limit(limit) {
    const [code] = await once(spawn('prlimit', ['--pid', String(this.pid), `${limit}:`]), 'close')
    if (code !== 0) throw new Error(`prlimit ${limit} ended with ${code}`)
  }

  get pid() {
    return this.child.pid
  }

  get running() {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** SIGTERM, then SIGKILL if it does not end; resolves to {code, signal}. */
  async stop(timeout = 10_000) {
    if (this.running) this.child.kill('SIGTERM')
    try {
      return await within(timeout, this.exited, 'the server to end after SIGTERM')
    } catch (error) {
      await this.crash()
      throw new Error(`${error.message}\n-- velo printed --\n${this.log}`)
    }
  }

  /** kill -9. */
  async crash() {
    this.child.kill('SIGKILL')
    return within(5_000, this.exited, 'the server to be killed')
  }

  /** Starts again on the same data directory and port. */
  async again() {
    return this.launch(this.port)
  }

  async restart() {
    await this.stop()
    return this.again()
  }

  /** Ends the server and removes its data; for `after`. */
  async close() {
    if (this.running) await this.stop()
    rmSync(this.data, { recursive: true, force: true })
    directories.delete(this.data)
  }

  /** One request; see http.mjs. The path is relative to the server's URL. */
  request(method, path, options) {
    return request(method, this.url + path, { ca: this.ca, ...options })
  }

  /** A request that must answer one of `statuses`; its body is returned. */
  async expect(statuses, method, path, options) {
    const answer = await this.request(method, path, options)
    if (![statuses].flat().includes(answer.status)) {
      throw new Error(
        `${method} ${path} answered ${answer.status}, not ${statuses}: ${answer.text}\n-- velo printed --\n${this.log.slice(-4000)}`,
      )
    }
    return answer.body
  }
}

/** Runs `velo ARGS` to its end; resolves to {code, stdout, stderr}. */
export async function velo(args, { env = {}, input, timeout = 20_000 } = {}) {
  const child = spawn(binary, args, { env: environment(env), stdio: ['pipe', 'pipe', 'pipe'] })
  running.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  child.stdin.on('error', () => {}) // it may end without reading
  child.stdin.end(input)
  try {
    const [code] = await within(timeout, once(child, 'close'), `velo ${args.join(' ')}`)
    return { code, stdout, stderr }
  } finally {
    child.kill('SIGKILL')
    running.delete(child)
  }
}
