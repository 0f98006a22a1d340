// The smallest broadcast server there is with npm's ws: what is posted to /pub?CHANNEL
// goes to all sockets of /sub?CHANNEL. A peer of bench/fanout.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const { WebSocketServer } = createRequire(`${process.env.NODE_MODULES}/`)('ws')

const channelOf = (request) => request.url.slice(request.url.indexOf('?') + 1)
const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => {
    for (const client of channels.get(channelOf(request)) ?? []) client.send(body)
    response.writeHead(200, { 'Content-Length': 0 }).end()
  })
})
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
const channels = new Map()
sockets.on('connection', (client, request) => {
  const channel = channelOf(request)
  if (!channels.has(channel)) channels.set(channel, new Set())
  channels.get(channel).add(client)
  client.on('close', () => channels.get(channel).delete(client))
})
server.listen(Number(process.argv[2]), '127.0.0.1', 4096)
