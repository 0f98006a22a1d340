// The cases of rfc6455.test.mjs once more, through TLS.
process.env.VELO_TEST_TLS = '1'
await import('./rfc6455.test.mjs')
