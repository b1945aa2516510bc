/** Appends of which what they hold depends on everything before: each has the log to itself for a turn. */
import type { SeriesPoint } from '../../core/aggregate/series.ts'
import { apply, type FoldState, type PointsRecord, takePoints } from '../../core/fold.ts'
import type { Log } from '../../core/log.ts'
import type { AppendedPoints, Clock } from '../../core/ports.ts'
import { pointsJson, RESET_JSON } from '../record-json.ts'
import { encodeOne } from './group.ts'
import type { GroupCommit } from './group-commit.ts'

/** Points in one record: some hundred kilobytes. */
const POINTS_AT_ONCE = 500

export interface TurnOptions {
  readonly commit: Pick<GroupCommit, 'inTurn' | 'keep'>
  readonly log: Pick<Log, 'frame'>
  readonly state: FoldState
  readonly clock: Clock
}

type Writable<T> = { -readonly [Field in keyof T]: T[Field] }

export async function appendPoints(options: TurnOptions, points: readonly SeriesPoint[]): Promise<AppendedPoints> {
  const appended = { attempts: 0, refused: 0 }
  for (let from = 0; from < points.length; from += POINTS_AT_ONCE) {
    const some = points.slice(from, from + POINTS_AT_ONCE)
    await options.commit.inTurn(() => keepPoints(options, some, appended))
  }
  return appended
}

/** Only what is new in the points goes into the log. */
async function keepPoints(
  { commit, log, state, clock }: TurnOptions,
  given: readonly SeriesPoint[],
  appended: Writable<AppendedPoints>,
): Promise<void> {
  const nowMs = clock()
  const { points, refused } = state.series.step(given, nowMs)
  appended.refused += refused
  if (points.length === 0) return
  const record: PointsRecord = { kind: 'points', nowMs, idMs: nowMs, points }
  const records = encodeOne(log.frame(record), pointsJson(points))
  await commit.keep(
    { records, attempts: 0, isReset: false },
    {
      fold() {
        appended.attempts += takePoints(state, record)
      },
      records: () => [record],
    },
  )
}

/** Forgets everything before it. */
export async function appendReset({ commit, log, state, clock }: TurnOptions): Promise<void> {
  await commit.inTurn(async () => {
    const nowMs = clock()
    const record = { kind: 'reset', nowMs, idMs: nowMs } as const
    await commit.keep(
      { records: encodeOne(log.frame(record), RESET_JSON), attempts: 0, isReset: true },
      {
        fold: () => void apply(state, record),
        records: () => [record],
      },
    )
  })
}
