import { PassThrough } from 'node:stream'
/** Every answer says up to when it is complete, if attempts may be missing in it. */
import { expect, test } from 'vitest'
import { withAnswered } from '../../src/command/text.ts'
import { withoutRange } from '../../src/core/reports/range.ts'
import { EXAMPLE_NOW_MS, exampleFacts } from '../../src/openapi/example-facts.ts'
import { parseQuery } from '../../src/questions/parse-query.ts'
import type { Facts } from '../../src/questions/question.ts'
import { QUESTIONS } from '../../src/questions/questions.ts'

const AS_OF = '2026-02-03T04:05:06.789Z'
const facts = (asOfMs: number | undefined): Facts => ({ ...exampleFacts(), asOf: () => asOfMs })

test.each(QUESTIONS.map(question => [question.path, question] as const))('%s', async (_, question) => {
  for (const range of [{}, { since: '30d' }]) {
    const query = parseQuery(question, { ...question.example, ...range }, EXAMPLE_NOW_MS)
    const late = await question.run(facts(Date.parse(AS_OF)), query)
    expect(late).toMatchObject({ as_of: AS_OF })
    expect(question.answer.safeParse(JSON.parse(JSON.stringify(late))).error).toBeUndefined()
    expect(await question.run(facts(undefined), query)).not.toHaveProperty('as_of')
    if (question.print === undefined) continue
    const pieces = await question.print(facts(Date.parse(AS_OF)), query)
    const text = [...{ [Symbol.iterator]: () => pieces }].join('')
    expect(JSON.parse(text)).toMatchObject({ as_of: AS_OF })
  }
})

test('a terminal shows it on one line', () => {
  expect(withAnswered('text', { as_of: AS_OF }, { stdout: new PassThrough(), env: {} })).toBe(
    `text\n\nAs of ${AS_OF}: later attempts of other sidecars may be missing.`,
  )
})

test('models that are named as_of and range stay in the answer by models', () => {
  const models = { as_of: { total_attempts: 1 }, range: { total_attempts: 2 } }
  expect(withoutRange(models as never)).toEqual(models)
  expect(withoutRange({ m: 1, as_of: AS_OF, range: { since: AS_OF, until: AS_OF } } as never)).toEqual({ m: 1 })
})
