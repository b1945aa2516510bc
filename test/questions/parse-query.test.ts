import { expect, test } from 'vitest'
import { parseQuery } from '../../src/questions/parse-query.ts'
import { InvalidParameters } from '../../src/questions/question.ts'
import { QUESTIONS } from '../../src/questions/questions.ts'

const cases = QUESTIONS.flatMap(question =>
  Object.keys(question.parameters.shape).map(parameter => [question.path, parameter, question] as const),
)

test.each(cases)('%s: an empty %s is an error that names it', (_path, parameter, question) => {
  let thrown: unknown
  try {
    parseQuery(question, { ...question.example, [parameter]: '' }, 0)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(InvalidParameters)
  expect((thrown as InvalidParameters).faults.map(({ name }) => name)).toEqual([parameter])
})
