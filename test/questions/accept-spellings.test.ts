/** Every part of the facts that takes a filter takes a spelling of a model in it. */
import { expect, test } from 'vitest'
import type { AttemptQuery, KeyFilter } from '../../src/core/ports.ts'
import { acceptSpellings } from '../../src/questions/accept-spellings.ts'
import type { Facts } from '../../src/questions/question.ts'

test('a filter by a spelling reads the facts of the name, by the aliases in force at that time', async () => {
  const read: [string, KeyFilter][] = []
  const note =
    (method: string, at: number) =>
    (...given: unknown[]): never[] => {
      read.push([method, given[at] as KeyFilter])
      return []
    }
  const facts = {
    summaries: note('summaries', 1),
    arms: note('arms', 2),
    overflowedArms: note('overflowedArms', 2),
    attempts: note('attempts', 0),
  } as unknown as Facts
  let aliases = new Map([['spelling', 'name']])
  const accepting = acceptSpellings(facts, () => aliases)
  const query: AttemptQuery = { model_name: 'spelling', agent_name: 'a', limit: 1 }
  const all = async (): Promise<(string | undefined)[]> => {
    await accepting.summaries(undefined, query)
    await accepting.arms('e', undefined, query)
    await accepting.overflowedArms('e', undefined, query)
    await accepting.attempts(query)
    return read.splice(0).map(([method, filter]) => `${method}: ${filter.agent_name} ${filter.model_name}`)
  }
  const methods = ['summaries', 'arms', 'overflowedArms', 'attempts']
  expect(await all()).toEqual(methods.map(method => `${method}: a name`))
  aliases = new Map()
  expect(await all()).toEqual(methods.map(method => `${method}: a spelling`))
})
