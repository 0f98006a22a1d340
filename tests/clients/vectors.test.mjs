// The signature vectors of PUSHER_PROTOCOL.md section 16: what the official
// library signs, and what HMAC-SHA256 gives where it signs with the clock.
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import Pusher from 'pusher'
import { app } from './support/server.mjs'

const docs = { appId: '3', key: '278d425bdf160c739803', secret: '7ad3773142a6692b25b8' }
const ours = { appId: app.id, key: app.key, secret: app.secret }
const socketId = '218765.4093127'
const hmac = (text, { secret }) => createHmac('sha256', secret).update(text).digest('hex')
const md5 = (text) => createHash('md5').update(text).digest('hex')

test("vectors A1-A3: Pusher's own examples, signed by the official library", () => {
  const library = new Pusher({ ...docs, cluster: 'none' })
  assert.equal(
    library.authorizeChannel('1234.1234', 'private-foobar').auth,
    `${docs.key}:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4`,
  )
  assert.equal(
    library.authorizeChannel('1234.1234', 'presence-foobar', { user_id: 10, user_info: { name: 'Mr. Channels' } }).auth,
    `${docs.key}:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80`,
  )
  assert.equal(
    library.authenticateUser('1234.1234', { id: '12345' }).auth,
    `${docs.key}:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba`,
  )
})

test('vectors A4 and B2-B6: requests to the HTTP API', () => {
  const query = (body) =>
    `auth_key=${ours.key}&auth_timestamp=1767225600&auth_version=1.0${body === undefined ? '' : `&body_md5=${md5(body)}`}`
  assert.equal(
    hmac(
      `POST\n/apps/3/events\nauth_key=${docs.key}&auth_timestamp=1353088179&auth_version=1.0&body_md5=${md5('{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}')}`,
      docs,
    ),
    'da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c',
  )
  const b2 = String.raw`{"name":"updated","data":"{\"action\":\"updated\",\"record\":{\"id\":\"r1\",\"title\":\"Caf\u00e9\"}}","channel":"private-velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11","socket_id":"218765.4093127"}`
  const b4 = '{"batch":[{"channel":"a","name":"e","data":"1"},{"channel":"presence-b","name":"e","data":"{}","info":"user_count"}]}'
  const vectors = [
    [`POST\n/apps/velo/events\n${query(b2)}`, '4e3a50b406c37f4a8707f2921866cfa82f53ce02f04036f9af002016f4250ade'],
    [
      `GET\n/apps/velo/channels\n${query()}&filter_by_prefix=presence-&info=user_count,subscription_count`,
      'f421d359b08ea5f50a266ed1c14b40c83cb703bdbc310f2e10d307e40039cbe1',
    ],
    [`POST\n/apps/velo/batch_events\n${query(b4)}`, '1f214b2485b82993d8dbd2a02c75f277a73b44c3a3942110725d0b038793e444'],
    [`POST\n/apps/velo/users/u-42/terminate_connections\n${query('{}')}`, '4b5bee1dda48e9d3baecd7487eba2916e19692e63752f3e8e7d01cfb3372aa57'],
    [`POST\n/apps/velo/users/u-42/terminate_connections\n${query()}`, '884b7178eff89d2b3e9950f7f04806f93b96c77527fb2a1e532db380ca62c8e0'],
    [`GET\n/apps/velo/channels/presence-room/users\n${query()}`, 'fe1afc58468b47e1b0e4b6646eedae95df1880e2c757cfed882b6d31cdc9c624'],
  ]
  for (const [text, expected] of vectors) assert.equal(hmac(text, ours), expected, text)
})

test('vectors B1 and B7-B10, the official library with our credentials', () => {
  const library = new Pusher({
    ...ours,
    cluster: 'none',
    encryptionMasterKeyBase64: Buffer.from('0123456789abcdef0123456789abcdef').toString('base64'),
  })
  const channel = 'private-velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11'
  assert.equal(
    library.authorizeChannel(socketId, channel).auth,
    'velo-key:87d5f45b6dee4e7e94c05d9669fbc392a255ff2270cd3d6559daa2574661f1b7',
  )
  const rawBody =
    '{"time_ms":1767225600123,"events":[{"name":"channel_occupied","channel":"presence-room"},{"name":"member_added","channel":"presence-room","user_id":"42"}]}'
  const headers = {
    'content-type': 'application/json',
    'x-pusher-key': ours.key,
    'x-pusher-signature': '6611dc1d56f4b84d59343068287f0ae63c5443351c2bf9cc2211e4f67f3420ef',
  }
  assert.equal(library.webhook({ headers, rawBody }).isValid(), true)
  assert.equal(
    hmac(`${socketId}:presence-room:${String.raw`{"user_id":"42","user_info":{"name":"Zo\u00eb"}}`}`, ours),
    '12f8737674880cc6a49737257f5871b1329f89e513eca9eaed048e50c4e6d7a2',
  )
  assert.equal(
    library.authorizeChannel(socketId, 'presence-room', { user_id: '42', user_info: { name: 'Zoë' } }).auth,
    'velo-key:038a7c3545573e19ab420150397d0f7f88f262bba23841eb8519f2d3676f8bf8',
  )
  assert.equal(
    library.authenticateUser(socketId, { id: 'u-42', user_info: { name: 'Ada' }, watchlist: ['u-7', 'u-9'] }).auth,
    'velo-key:e1ff26af3806333a83550fd0b7a1bda3c3c4b41f4cf8d40ea73b26e5f61121cc',
  )
  assert.equal(
    library.authorizeChannel(socketId, 'private-encrypted-room').shared_secret,
    'B0yLWuRCS2a8pS/wbRt9PyN9bmHg3zLl8K7N4RFXKI8=',
  )
})
