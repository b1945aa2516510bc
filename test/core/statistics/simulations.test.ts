import { expect, test } from 'vitest'
import { documented, testSimulations } from './documented-simulations.ts'
import { simulations, simulationsOfDrift } from './simulations.ts'

testSimulations(simulations.filter(simulation => !simulationsOfDrift.includes(simulation)))

test('docs/statistics.md lists no other simulations', () => {
  expect(documented).toHaveLength(simulations.length)
})
