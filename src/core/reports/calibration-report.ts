/** The calibration of stated confidence, over all given keys and by group. */

import { type ConfidenceCells, noCells, sumOfCells } from '../aggregate/confidence-cells.ts'
import { namedRecord, uniqueKeyPrinter } from '../aggregate/metrics.ts'
import { calibrationSums, createSummary, mergeInto, type Summary } from '../aggregate/summary.ts'
import type { AttemptKey } from '../attempt/attempt.ts'
import type { KeySummary } from '../ports.ts'
import { type Calibration, calibrationOf } from '../statistics/calibration.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import type { Grouping } from './grouped-rates.ts'
import { countsOf } from './groups.ts'

export interface CalibrationReport {
  readonly group_by: Grouping
  readonly overall: Calibration
  readonly groups: Record<string, Calibration>
}

/** Keys processed between two yields. A calibration takes long. */
const CALIBRATIONS_PER_STEP = 5

/** The calibration of all given keys together, and of each group by its name. */
export function calibrationReport(summaries: readonly KeySummary[], group_by: Grouping): CalibrationReport {
  return runToCompletion(calibrationSteps(summaries, group_by))
}

/** {@link calibrationReport} in steps. */
export function* calibrationSteps(summaries: readonly KeySummary[], group_by: Grouping): Steps<CalibrationReport> {
  if (group_by === 'key') return yield* calibrationByKey(summaries)
  const totals = new Map<string, CalibrationTotal>()
  function add({ key, summary }: KeySummary): void {
    const total = totals.get(key[group_by as keyof AttemptKey]) ?? noTotal()
    totals.set(key[group_by as keyof AttemptKey], total)
    addTo(total, summary)
  }
  yield* forEachKey(summaries, add, CALIBRATIONS_PER_STEP)
  const [all, groups] = [noTotal(), namedRecord<Calibration>([])]
  for (const [name, total] of totals) {
    groups[name] = calibrationOfTotal(total)
    addTo(all, total.summary, total.cells)
    yield
  }
  return { group_by, overall: calibrationOfTotal(all), groups }
}

function* calibrationByKey(summaries: readonly KeySummary[]): Steps<CalibrationReport> {
  const printKey = uniqueKeyPrinter()
  const all = noTotal()
  const groups = namedRecord<Calibration>([])
  function calibrate({ key, summary }: KeySummary): void {
    addTo(all, summary)
    groups[printKey(key)] = calibrationOf(calibrationSums(summary), countsOf(summary))
  }
  yield* forEachKey(summaries, calibrate, CALIBRATIONS_PER_STEP)
  return { group_by: 'key', overall: calibrationOfTotal(all), groups }
}

/** The merged summary of some keys. Its packed counts by confidence may get coarse, so the counts of the keys are added unpacked. */
interface CalibrationTotal {
  readonly summary: Summary
  cells: ConfidenceCells
}

const noTotal = (): CalibrationTotal => ({ summary: createSummary(), cells: noCells() })

function addTo(total: CalibrationTotal, summary: Summary, cells = calibrationSums(summary).cells): void {
  mergeInto(total.summary, summary)
  total.cells = sumOfCells(total.cells, cells)
}

function calibrationOfTotal({ summary, cells }: CalibrationTotal): Calibration {
  return calibrationOf({ ...calibrationSums(summary), cells }, countsOf(summary))
}
