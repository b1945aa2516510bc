/** The table of docs/otlp.md and the recorder agree. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RECORDED_SENDERS } from '../../docs/otlp-senders.ts'
import { SENDERS } from './senders.ts'

const nameOf = (body: string): string => body.slice(0, body.lastIndexOf('.'))

test('a row names the versions of the packages that its program runs', () => {
  for (const { body, sender, instrumentation } of RECORDED_SENDERS) {
    const packages = SENDERS.get(nameOf(body))?.packages
    if (packages === undefined) continue
    const installed = packages.map(one => one.slice(one.search(/==|(?<=.)@/)).replace(/^(?:==|@)/, ''))
    const versions = `${sender} ${instrumentation}`.match(/\b\d+\.\d+[\w.]*\b/g) ?? []
    expect([...installed, 'none'], `${body}: ${sender}, ${instrumentation}`).toEqual(expect.arrayContaining(versions))
    expect(versions.length, body).toBeGreaterThan(0)
  }
})

test('each program records a body that is a row, and the bodies without a program are those that the fixtures name', () => {
  const bodies = RECORDED_SENDERS.map(({ body }) => body)
  const recorded = Array.from(SENDERS, ([name, { signals = ['traces'] }]) => signals.map(signal => `${name}.${signal}`))
  expect(recorded.flat().filter(body => !bodies.includes(body))).toEqual([])
  const readme = readFileSync(new URL('../fixtures/otlp/README.md', import.meta.url), 'utf8')
  const named = /^have no program there.*?\n\n/ms.exec(readme)?.[0].match(/`[\w-]+`/g) ?? []
  const without = bodies.map(nameOf).filter(name => !SENDERS.has(name))
  expect(new Set(named.map(one => one.slice(1, -1)))).toEqual(new Set(without))
})
