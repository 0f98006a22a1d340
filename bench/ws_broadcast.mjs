// The smallest broadcast server there is with npm's ws: what is posted to /pub
// goes to all sockets. A peer of bench/fanout.
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const { WebSocketServer } = createRequire(`${process.env.NODE_MODULES}/`)('ws')

const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += chunk))
  request.on('end', () => {
    for (const client of sockets.clients) client.send(body)
    response.writeHead(200, { 'Content-Length': 0 }).end()
  })
})
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
server.listen(Number(process.argv[2]), '127.0.0.1', 4096)
