// A TCP proxy that does to a connection what networks do: delays, cuts,
// half-closes, truncates, stalls, at chosen bytes of what the server sends.
import net from 'node:net'
import { once } from 'node:events'
import { afterwards } from './wait.mjs'

export class FaultProxy {
  /** Listens on a free port in front of `server`; ends with the test. */
  static async start(t, server) {
    const proxy = new FaultProxy(server)
    proxy.listener.listen(0, '127.0.0.1')
    await once(proxy.listener, 'listening')
    proxy.port = proxy.listener.address().port
    afterwards(t, () => proxy.close())
    return proxy
  }

  constructor(server) {
    this.server = server
    this.links = new Set()
    this.fault = null
    this.paused = false
    this.listener = net.createServer({ allowHalfOpen: true }, (client) => this.accept(client))
  }

  /** As support/clients.mjs wants a server: what is behind the proxy, at its port. */
  get target() {
    return { url: `http://127.0.0.1:${this.port}`, port: this.port }
  }

  /**
   * What happens to connections accepted from now on, once `bytes` have gone to
   * the client: {kind: 'cut' | 'reset' | 'half_close' | 'truncate' | 'stall' |
   * 'delay', bytes, ms}. null: nothing.
   */
  set(fault) {
    this.fault = fault
  }

  /** Does it at once to every connection there is. */
  now(kind) {
    for (const link of this.links) link.apply(kind)
  }

  /** Forwards nothing, of new connections neither, and loses nothing, as a network that is gone for a while. */
  pause() {
    this.paused = true
    for (const link of this.links) link.pause()
  }

  resume() {
    this.paused = false
    for (const link of this.links) link.resume()
  }

  accept(client) {
    const upstream = net.connect({ host: '127.0.0.1', port: this.server.port, allowHalfOpen: true })
    const fault = this.fault
    let sent = 0
    let stalled = false
    const link = {
      pause: () => [client, upstream].forEach((socket) => socket.pause()),
      resume: () => [client, upstream].forEach((socket) => socket.resume()),
      apply(kind) {
        if (kind === 'stall') stalled = true // takes the server's bytes, and the client's, and keeps them
        else if (kind === 'half_close') client.end()
        else if (kind === 'reset') client.resetAndDestroy()
        else client.destroy()
        if (kind !== 'stall' && kind !== 'half_close') upstream.destroy()
      },
    }
    this.links.add(link)
    const end = () => {
      this.links.delete(link)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) socket.on('error', () => {}).on('close', end)
    client.on('end', () => upstream.end())
    upstream.on('end', () => client.end())
    client.on('data', (chunk) => {
      if (!stalled && upstream.writable) upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (stalled) return
      if (!fault || sent + chunk.length < fault.bytes) {
        sent += chunk.length
        if (client.writable) client.write(chunk)
        return
      }
      const before = chunk.subarray(0, Math.max(0, fault.bytes - sent))
      const rest = chunk.subarray(before.length)
      sent += chunk.length
      if (client.writable && before.length > 0) client.write(before)
      if (fault.kind === 'delay') {
        upstream.pause()
        setTimeout(() => {
          if (client.writable) client.write(rest)
          upstream.resume()
        }, fault.ms ?? 50)
        return
      }
      if (fault.kind === 'truncate') client.end(() => link.apply('cut'))
      else link.apply(fault.kind)
    })
    if (this.paused) link.pause()
  }

  close() {
    this.now('cut')
    this.listener.close()
  }
}
