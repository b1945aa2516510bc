/** The calibration of stated confidence, over all given keys and by group. */

import { namedRecord, uniqueKeyPrinter } from '../aggregate/metrics.ts'
import { calibrationSums, createSummary, mergeInto, type Summary } from '../aggregate/summary.ts'
import type { KeySummary } from '../ports.ts'
import { type Calibration, calibrationOf } from '../statistics/calibration.ts'
import { forEachKey, runToCompletion, type Steps } from '../steps.ts'
import type { Grouping } from './grouped-rates.ts'
import { answerByName, totalOfAll, totalsBy } from './groups.ts'

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
  const { [group_by]: totals } = yield* totalsBy(summaries, [group_by])
  const groups = yield* answerByName(totals, calibrationOfSummary)
  return { group_by, overall: calibrationOfSummary(yield* totalOfAll(totals)), groups }
}

function* calibrationByKey(summaries: readonly KeySummary[]): Steps<CalibrationReport> {
  const printKey = uniqueKeyPrinter()
  const all = createSummary()
  const groups = namedRecord<Calibration>([])
  function calibrate({ key, summary }: KeySummary): void {
    mergeInto(all, summary)
    groups[printKey(key)] = calibrationOfSummary(summary)
  }
  yield* forEachKey(summaries, calibrate, CALIBRATIONS_PER_STEP)
  return { group_by: 'key', overall: calibrationOfSummary(all), groups }
}

function calibrationOfSummary(summary: Summary): Calibration {
  return calibrationOf(calibrationSums(summary))
}
