/** For any valid spelling of JSON, the recorded attempt is what the client meant. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AgentAttempt } from '../../src/core/attempt/attempt.ts'
import { acceptedAttempts } from '../core/arbitraries.ts'
import { testSidecar } from '../support/sidecar.ts'

/** Attempts with names that look like the boundaries of JSON objects. */
const tricky: fc.Arbitrary<AgentAttempt> = fc
  .tuple(acceptedAttempts, fc.constantFrom('{', '}', '},{', '"}', '\\', '}\u2028{', '🦊}', 'plain'))
  .map(([attempt, error_type]) => ({ ...attempt, error_type }))

interface Spelling {
  readonly space: string
  readonly between: string
  readonly around: string
  readonly mark: string
  /** A duplicate field: the last one counts. */
  readonly twice: boolean
  /** Everything but letters and digits is escaped. */
  readonly escaped: boolean
}

const spellings: fc.Arbitrary<Spelling> = fc.record({
  space: fc.constantFrom('', ' ', '\t', '\n', '\r\n'),
  between: fc.constantFrom(',', ' , ', ',\n', '\r\n,\t'),
  around: fc.constantFrom('', ' ', '\n'),
  mark: fc.constantFrom('', '\ufeff'),
  twice: fc.boolean(),
  escaped: fc.boolean(),
})

function spell(attempt: AgentAttempt, { space, twice, escaped }: Spelling): string {
  const fields = Object.entries(attempt)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${space}"${name}"${space}:${space}${spellValue(value, escaped)}${space}`)
  return `{${twice ? '"issue_type":"},{",' : ''}${fields.join(',')}}`
}

function spellValue(value: unknown, escaped: boolean): string {
  if (!escaped || typeof value !== 'string') return JSON.stringify(value)
  const units = value.split('').map(unit => (/[a-z0-9]/.test(unit) ? unit : hex(unit)))
  return `"${units.join('')}"`
}

const hex = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** The expected attempt, without what JSON cannot represent. */
const meant = (attempt: AgentAttempt): unknown => JSON.parse(JSON.stringify(attempt))

test('a list is recorded correctly for any valid spelling of its JSON', async () => {
  await using sidecar = await testSidecar({ 'retention-age': '36500d' })
  const list = fc.array(fc.tuple(tricky, spellings), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(list, spellings, async (sent, { mark, between, around }) => {
      const items = sent.map(([attempt, spelling]) => spell(attempt, spelling))
      const alone = items.length === 1 && between === ','
      const body = alone ? items[0]! : `[${around}${items.join(between)}${around}]`
      const answer = await sidecar.post(`${mark}${around}${body}${around}`)
      expect(await answer.json()).toEqual({ accepted: sent.length, duplicates: 0 })
      expect(await newest(sidecar, sent.length)).toEqual(sent.map(([attempt]) => meant(attempt)).reverse())
    }),
    { numRuns: 200 },
  )
})

test('a stream of lines is recorded correctly for any valid spelling of its JSON', async () => {
  await using sidecar = await testSidecar({ 'retention-age': '36500d' })
  const lines = fc.array(fc.tuple(tricky, spellings, fc.constantFrom('\n', '\r\n', ' \n\n')), {
    minLength: 1,
    maxLength: 5,
  })
  await fc.assert(
    fc.asyncProperty(lines, async sent => {
      const body = sent.map(([attempt, spelling, end]) => {
        const line = spell(attempt, { ...spelling, space: spelling.space.replaceAll(/[\r\n]/g, ' ') })
        return `${spelling.mark}${line}${end}`
      })
      const answer = await sidecar.post(body.join(''), { headers: { 'Content-Type': 'application/x-ndjson' } })
      expect(await answer.json()).toEqual({ accepted: sent.length, duplicates: 0 })
      expect(await newest(sidecar, sent.length)).toEqual(sent.map(([attempt]) => meant(attempt)).reverse())
    }),
    { numRuns: 200 },
  )
})

/** Reads the journal, as a restart does. */
async function newest(sidecar: { get(path: string): Promise<Response> }, count: number): Promise<unknown> {
  const page = (await (await sidecar.get(`/api/v1/attempts?limit=${count}`)).json()) as { attempts: unknown }
  return page.attempts
}
