/**
 * All simulations of the statistics. The tests assert their promises. `simulationRows` returns them as rows of the table
 * in docs/statistics.md.
 */
import { alertSimulations } from './alert-simulations.ts'
import { bestSimulations } from './best-simulations.ts'
import { calibrationSimulations } from './calibration-simulations.ts'
import { changeSimulations } from './change-simulations.ts'
import { clusterAmountSimulations } from './cluster-amount-simulations.ts'
import { clusterLookSimulations } from './cluster-look-simulations.ts'
import { clusterSimulations } from './cluster-simulations.ts'
import { driftCaseSimulations } from './drift-case-simulations.ts'
import { driftSimulations } from './drift-simulations.ts'
import { experimentSimulations } from './experiment-simulations.ts'
import { fairSimulations } from './fair-simulations.ts'
import { intervalSimulations } from './interval-simulations.ts'
import { pickSimulations } from './pick-simulations.ts'
import { sequentialSimulations } from './sequential-simulations.ts'
import type { Simulation } from './simulation.ts'
import { watchSimulations } from './watch-simulations.ts'

export interface SimulationRow {
  readonly name: string
  readonly promise: string
  readonly measured: string
}

/** About half of the work of all. */
export const simulationsOfDrift: readonly Simulation[] = [
  ...driftSimulations,
  ...watchSimulations,
  ...driftCaseSimulations,
]

export const simulations: readonly Simulation[] = [
  ...intervalSimulations,
  ...clusterSimulations,
  ...clusterAmountSimulations,
  ...clusterLookSimulations,
  ...bestSimulations,
  ...pickSimulations,
  ...fairSimulations,
  ...sequentialSimulations,
  ...experimentSimulations,
  ...simulationsOfDrift,
  ...changeSimulations,
  ...calibrationSimulations,
  ...alertSimulations,
]

/** Runs all simulations, which takes two minutes. Resolves with the same rows at every call. */
export async function simulationRows(): Promise<SimulationRow[]> {
  const rows: SimulationRow[] = []
  for (const { name, promise, run } of simulations) rows.push({ name, promise, measured: (await run()).measured })
  return rows
}
