import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { simulationLine, simulationLines } from '../../../docs/simulations.ts'
import { simulations } from './simulations.ts'

/** The table rows of docs/statistics.md. */
const documented = simulationLines(readFileSync(new URL('../../../docs/statistics.md', import.meta.url), 'utf8'))

test.each(simulations.map((simulation, i) => ({ ...simulation, line: documented[i] })))(
  '$name: $promise; docs/statistics.md has the measured numbers (update it with npm run docs)',
  ({ name, promise, run, line }) => {
    const { measured, holds } = run()
    expect(holds, `${promise}; measured: ${measured}`).toBe(true)
    expect(line).toBe(simulationLine({ name, promise, measured }))
  },
)

test('the documentation lists no other simulations', () => {
  expect(documented).toHaveLength(simulations.length)
})
