import { describe, expect, it } from 'vitest'
import { createExposition } from '../../src/expose/exposition.ts'
import { checkMetrics, needs } from '../support/tool.ts'
import { attempt, HOSTILE_NAMES, sourcesOf, tallyOf, tallyOfKeys, textOf } from './fixture.ts'

const SILENCE = { code: 0, output: '' }

describe('promtool check metrics has nothing to say', () => {
  it('of no keys', async context => {
    needs('promtool', context)
    expect(await checkMetrics(await textOf(createExposition(sourcesOf(tallyOf()))))).toEqual(SILENCE)
  })

  it('of everything a sidecar can tell, and hostile names', async context => {
    needs('promtool', context)
    const attempts = HOSTILE_NAMES.map(name =>
      attempt({ agent_name: name, model_name: name, confidence: 0.5, experiment: 'e', variant: name }),
    )
    const text = await textOf(createExposition(sourcesOf(tallyOf(attempts))))
    expect(await checkMetrics(text)).toEqual(SILENCE)
  })

  it('of many keys', async context => {
    needs('promtool', context)
    expect(await checkMetrics(await textOf(createExposition(sourcesOf(tallyOfKeys(500)))))).toEqual(SILENCE)
  })
})

it('promtool check metrics would speak up', async context => {
  needs('promtool', context)
  expect(await checkMetrics('# HELP a_ms a\n# TYPE a_ms counter\na_ms 1\n')).not.toEqual(SILENCE)
})
