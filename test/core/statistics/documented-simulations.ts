/** Registers one test per simulation: its promise holds, and docs/statistics.md has what it measured. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { simulationLine, simulationLines } from '../../../docs/simulations.ts'
import type { Simulation } from './simulation.ts'

/** The table rows of docs/statistics.md. */
export const documented: readonly string[] = simulationLines(
  readFileSync(new URL('../../../docs/statistics.md', import.meta.url), 'utf8'),
)

export function testSimulations(simulations: readonly Simulation[]): void {
  test.each(simulations)(
    '$name: $promise; docs/statistics.md has the measured numbers (update it with npm run docs)',
    async ({ name, promise, run }) => {
      const { measured, holds } = await run()
      expect(holds, `${promise}; measured: ${measured}`).toBe(true)
      expect(documented).toContain(simulationLine({ name, promise, measured }))
    },
  )
}
