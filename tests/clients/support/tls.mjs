// Certificates of one's own, made with openssl(1).
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from './server.mjs'

/**
 * A new key, and a certificate for 127.0.0.1 that it has signed itself, in `folder`.
 * @returns {{certificate: string, key: string, ca: string}} two paths, and what a client is to believe
 */
export function selfSigned(folder = temporaryDirectory(), name = 'velo') {
  const certificate = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
    '-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', certificate,
  ], { stdio: 'pipe' })
  return { certificate, key, ca: readFileSync(certificate, 'utf8') }
}

/** Options of a Server that speaks TLS. */
export function withTls(options = {}) {
  const pair = selfSigned()
  const env = { VELO_TLS_CERTIFICATE: pair.certificate, VELO_TLS_KEY: pair.key, ...options.env }
  return { ...options, env, ca: pair.ca, pair }
}
