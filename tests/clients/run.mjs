// Runs the *.test.mjs files beside it, two at a time, and closes with
// `clients: N passed, N failed`. `node run.mjs NAME` runs the files whose name
// holds NAME or, where there are none, the tests whose name does.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from 'node:test'

const folder = dirname(fileURLToPath(import.meta.url))
const all = readdirSync(folder).filter((name) => name.endsWith('.test.mjs')).sort()
const wanted = process.argv[2]
const named = wanted ? all.filter((name) => name.includes(wanted)) : all
const byTest = named.length === 0
const says = (name) => readFileSync(join(folder, name), 'utf8').toLowerCase().includes(wanted.toLowerCase())
const chosen = byTest ? all.filter(says) : named
if (chosen.length === 0) {
  console.log('clients: 0 passed, 0 failed')
  process.exit(0)
}

const options = {
  files: chosen.map((name) => join(folder, name)),
  concurrency: 2,
  timeout: process.env.VELO_LONG ? 1_800_000 : 600_000, // a file that hangs; a test has its own, shorter bounds
}
if (byTest) options.testNamePatterns = [new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i')]

const started = Date.now()
const failures = []
let passed = 0
let skipped = 0

const isFile = ({ name, file, nesting }) =>
  nesting === 0 && (name.endsWith('.test.mjs') || (file !== undefined && name === file))
const seconds = (data) => `${((data.details?.duration_ms ?? 0) / 1000).toFixed(2)} s`

// The harness speaks Node's own reason, with the stack of the assertion.
function reason(error) {
  const cause = error?.cause ?? error
  const text = cause?.stack ?? cause?.message ?? String(cause)
  return text.split('\n').map((line) => `      ${line}`).join('\n')
}

run(options)
  .on('test:pass', (data) => {
    if (data.skip !== undefined || data.todo !== undefined) return void (skipped += 1)
    if (isFile(data)) return
    passed += 1
    console.log(`  ok   ${data.name} (${seconds(data)})`)
  })
  .on('test:fail', (data) => {
    // A file fails together with its tests; it counts when it is the only one to say so.
    if (isFile(data) && /subtests? failed/.test(String(data.details?.error?.message))) return
    failures.push(data.name)
    console.log(`  FAIL ${data.name} (${seconds(data)})\n${reason(data.details?.error)}`)
  })
  .on('test:diagnostic', (data) => {
    if (!/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message)) {
      console.log(`       ${data.message}`)
    }
  })
  .on('test:stdout', (data) => process.stdout.write(data.message))
  .on('test:stderr', (data) => process.stderr.write(data.message))
  .on('end', () => {
    for (const name of failures) console.log(`failed: ${name}`)
    console.log(`${((Date.now() - started) / 1000).toFixed(1)} s${skipped ? `, ${skipped} not run` : ''}`)
    console.log(`clients: ${passed} passed, ${failures.length} failed`)
    process.exitCode = failures.length === 0 ? 0 : 1
  })
  .resume()
