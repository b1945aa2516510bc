import { describe, expect, it } from 'vitest'
import { createExposition } from '../../src/expose/exposition.ts'
import { checkMetrics, needs } from '../support/tool.ts'
import { attempt, HOSTILE_NAMES, sourcesOf, tallyOf, tallyOfKeys, textOf } from './fixture.ts'

const NO_FINDINGS = { code: 0, output: '' }

describe('promtool check metrics reports nothing', () => {
  it('without keys', async context => {
    needs('promtool', context)
    expect(await checkMetrics(await textOf(createExposition(sourcesOf(tallyOf()))))).toEqual(NO_FINDINGS)
  })

  it('for every metric of a sidecar, and hostile names', async context => {
    needs('promtool', context)
    const attempts = HOSTILE_NAMES.map(name =>
      attempt({ agent_name: name, model_name: name, confidence: 0.5, experiment: 'e', variant: name }),
    )
    const text = await textOf(createExposition(sourcesOf(tallyOf(attempts))))
    expect(await checkMetrics(text)).toEqual(NO_FINDINGS)
  })

  it('for many keys', async context => {
    needs('promtool', context)
    expect(await checkMetrics(await textOf(createExposition(sourcesOf(tallyOfKeys(500)))))).toEqual(NO_FINDINGS)
  })
})

it('promtool check metrics reports an invalid text', async context => {
  needs('promtool', context)
  expect(await checkMetrics('# HELP a_ms a\n# TYPE a_ms counter\na_ms 1\n')).not.toEqual(NO_FINDINGS)
})
