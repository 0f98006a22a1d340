// `velo explain`: the language from the outside, case by case.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { velo } from './support/server.mjs'

const vectors = new URL('../rules/vectors/filters.json', import.meta.url)

async function explain(...args) {
  const { stdout, stderr, code } = await velo(['explain', ...args])
  const lines = stdout.trimEnd().split('\n')
  assert.equal(lines.length, 1, stdout + stderr)
  return { code, ...JSON.parse(lines[0]) }
}

/** One answer for each request, in their order. */
async function answers(requests) {
  const { stdout, stderr, code } = await velo(['explain', '--stdin'], { input: requests.map((line) => `${line}\n`).join('') })
  assert.equal(code, 0, stderr)
  const lines = stdout.trimEnd().split('\n').map((line) => JSON.parse(line))
  assert.equal(lines.length, requests.length)
  return lines
}

test('explain says whether a record matches, and shows each comparison', async () => {
  const { matches, trace } = await explain('--filter', 'price < 10 AND active = true', '--record', '{"price":5,"active":false}')
  assert.equal(matches, false)
  assert.ok(Array.isArray(trace) && trace.length >= 2)
  for (const step of trace) assert.deepEqual([typeof step.expression, typeof step.value], ['string', 'boolean'])
  assert.ok(trace.some(({ expression, value }) => /price/.test(expression) && value))
  assert.ok(trace.some(({ expression, value }) => /active/.test(expression) && !value))
})

test('explain joins rule and filter, knows the user and the action', async () => {
  const record = ['--record', '{"owner":"ada","n":1}']
  const rule = ['--rule', '@request.auth.id = owner']
  assert.equal((await explain('--filter', 'n = 1', ...rule, ...record, '--auth', '{"id":"ada"}')).matches, true)
  assert.equal((await explain('--filter', 'n = 1', ...rule, ...record, '--auth', '{"id":"bob"}')).matches, false)
  assert.equal((await explain('--filter', 'n = 1', ...rule, ...record)).matches, false)
  assert.equal((await explain('--filter', "@action = 'deleted'", ...record, '--action', 'deleted')).matches, true)
})

test('explain points at an error', async () => {
  const { error } = await explain('--filter', 'a = 1)', '--record', '{}')
  assert.equal(error.column, 6)
  assert.equal(error.in, 'filter')
  assert.equal(typeof error.message, 'string')
  const both = await explain('--filter', 'a = 1)', '--rule', 'b = ', '--record', '{}')
  assert.equal(both.error.in, 'rule')
})

test('explain --stdin: defects of an older implementation stay away', async () => {
  const cases = [
    [{ filter: 'true OR', record: {} }, 'error'],
    [{ filter: 'a = 1 OR b = 1', record: { a: 1, b: 2 } }, true],
    [{ filter: "a = 'x AND y' AND b = 'p < q'", record: { a: 'x AND y', b: 'p < q' } }, true],
    [{ filter: 'a.b.c = 1', record: { a: { b: { c: 1 } } } }, true],
    [{ filter: '5 < age', record: { age: 6 } }, true],
    [{ filter: '5 < age', record: { age: 4 } }, false],
    [{ filter: 'active = false', record: { active: true } }, false],
    [{ filter: 'what is this', record: {} }, 'error'],
    [{ rule: "@request.auth.id != ''", record: {} }, false],
    [{ rule: "@request.auth.role = 'admin'", auth: { id: 'a', role: 'admin' }, record: {} }, true],
    [{ rule: '@request.auth.team = team', auth: { team: "x' OR '1' = '1" }, record: { team: 'y' } }, false],
    [{ rule: 'SUPERUSER_ONLY', auth: { id: 'a' }, record: {} }, false],
    [{ rule: 'SUPERUSER_ONLY', superuser: true, record: {} }, true],
    [{ rule: null, record: {} }, false],
    [{ record: {} }, true],
  ]
  const lines = await answers(cases.map(([request]) => JSON.stringify(request)))
  cases.forEach(([request, expected], i) => {
    if (expected === 'error') assert.equal(typeof lines[i].error?.column, 'number', JSON.stringify([request, lines[i]]))
    else assert.equal(lines[i].matches, expected, JSON.stringify([request, lines[i]]))
  })
})

// Records and users are JSON texts in the file, so that 1.0 and -0 survive.
const member = (name, text) => (text === undefined ? [] : [`${JSON.stringify(name)}:${text}`])
const text = (value) => (value === undefined ? undefined : JSON.stringify(value))
const request = (one) =>
  `{${[
    ...member('filter', text(one.filter)),
    ...member('rule', text(one.rule)),
    ...member('record', one.record ?? '{}'),
    ...member('auth', one.auth),
    ...member('action', text(one.action)),
  ].join()}}`.replaceAll('\n', ' ')

test('explain --stdin answers every worked case of tests/rules/vectors/filters.json', async () => {
  const cases = JSON.parse(readFileSync(vectors, 'utf8'))
  assert.ok(cases.length >= 160)
  const lines = await answers(cases.map(request))
  const wrong = cases.flatMap((one, i) => {
    const { expect } = one
    const line = lines[i]
    const right =
      typeof expect === 'boolean'
        ? line.matches === expect
        : line.error?.in === expect.in && (expect.column === null || [expect.column].flat().includes(line.error.column))
    return right ? [] : [`${one.id}: ${JSON.stringify(one)} gave ${JSON.stringify(line)}`]
  })
  assert.deepEqual(wrong, [])
})

test('explain --stdin: a line that is no request is an error on its line, the others go on', async () => {
  const good = '{"filter":"a = 1","record":{"a":1}}'
  const bad = ['not json', '[]', '7', '{"filter":7,"record":{}}', '{"filter":"a = 1","record":7}', '{"filter":"a = 1","record":{},"action":"exploded"}']
  const lines = await answers(bad.flatMap((line) => [line, good]))
  lines.forEach((line, i) => {
    if (i % 2 === 1) assert.equal(line.matches, true)
    else assert.equal(typeof line.error?.message, 'string', `${bad[i / 2]}: ${JSON.stringify(line)}`)
  })
})

test('explain --stdin keeps the order and the pace over many requests', async () => {
  const requests = Array.from({ length: 20_000 }, (_, n) => `{"filter":"n = ${n % 100}","record":{"n":${n % 7}}}`)
  const lines = await answers(requests)
  lines.forEach((line, n) => assert.equal(line.matches, n % 100 === n % 7))
})
