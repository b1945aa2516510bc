/** Whether stated confidence can be believed, for the given keys together and by group. */
import { answerByGroup } from './groups.ts'
import type { KeySummary } from './ports.ts'
import type { Grouping } from './report.ts'
import { type Calibration, calibrationOf } from './statistics/calibration.ts'
import { calibrationSums } from './summary.ts'
import { total } from './tally.ts'

export interface CalibrationReport {
  readonly group_by: Grouping
  readonly overall: Calibration
  readonly groups: Record<string, Calibration>
}

export function calibrationReport(summaries: readonly KeySummary[], group_by: Grouping): CalibrationReport {
  return {
    group_by,
    overall: calibrationOf(calibrationSums(total(summaries))),
    groups: answerByGroup(summaries, group_by, group => calibrationOf(calibrationSums(group))),
  }
}
