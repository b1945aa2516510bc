/** How long single attempts took: one mark for each, by the time it ended, on a logarithmic axis, with their median and 95th percentile. */
import { scaleLog, scaleTime } from 'd3-scale'
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import { dateTime, duration, tick } from '../data/format.ts'
import { ATTEMPT_COLUMNS } from '../parts/attempt-table.tsx'
import { PlotTable } from '../parts/data-table.tsx'
import { GridLines, nearestIndex, Plot } from './frame.tsx'

const LEFT = 60
/** Room for the labels of the lines: on the marks, they could not be read. */
const RIGHT = 76
const TOP = 12
const BOTTOM = 220
const HEIGHT = 248

/** Values of the axis, in seconds. */
const TICKS = [0.01, 0.1, 1, 10, 30, 60, 180, 600, 1800, 3600, 21_600, 86_400, 604_800]

const COLUMNS = ATTEMPT_COLUMNS.filter(({ title }) =>
  ['Ended', 'Model', 'Issue type', 'Result', 'Time'].includes(title),
)

/** `attempts` are newest first. Those without a known time are left out. */
export function Durations({ label, attempts }: { label: string; attempts: readonly AgentAttempt[] }) {
  const timed = attempts.filter(({ time_seconds }) => time_seconds > 0).toReversed()
  const seconds = timed.map(({ time_seconds }) => time_seconds).sort((a, b) => a - b)
  const [shortest, longest] = [seconds[0] ?? 1, seconds.at(-1) ?? 1]
  const y = scaleLog([shortest / 1.5, longest * 1.5], [BOTTOM, TOP])
  const at = timed.map(({ timestamp }) => Date.parse(timestamp))
  const [first, last] = [Math.min(...at), Math.max(...at)]
  const xOf = (width: number) =>
    scaleTime()
      .domain(first < last ? [first, last] : [first - 60_000, last + 60_000])
      .range([LEFT + 6, width - RIGHT - 6])
  const lines = [
    // The label of the lower line hangs below it, so that the two never overlap.
    ['median', quantile(seconds, 0.5), 9],
    ['95th perc.', quantile(seconds, 0.95), -14],
  ] as const
  return (
    <>
      <Plot
        label={label}
        height={HEIGHT}
        points={timed.length}
        describe={i => describe(timed[i]!)}
        nearest={(px, py, width) =>
          nearestIndex(timed.length, i => Math.hypot(xOf(width)(at[i]!) - px, y(timed[i]!.time_seconds) - py))
        }
      >
        {(width, cursor) => {
          const x = xOf(width)
          // One path for all marks of a kind: 200 elements at each update would keep the browser busy.
          const marks = (isSuccess: boolean | undefined, mark: (px: number, py: number) => string): string =>
            timed
              .map(({ success, time_seconds }, i) => (success === isSuccess ? mark(x(at[i]!), y(time_seconds)) : ''))
              .join('')
          const ticks = TICKS.filter(value => value >= shortest / 1.5 && value <= longest * 1.5)
          return (
            <>
              <GridLines x={LEFT} width={width - RIGHT} ticks={ticks} y={y} print={duration} />
              <path class="mark success" d={marks(true, (px, py) => `M${px},${py}h0`)} />
              <path class="mark failure" d={marks(false, (px, py) => `M${px - 3},${py - 3}l6,6m0,-6l-6,6`)} />
              <path
                class="mark pending"
                d={marks(undefined, (px, py) => `M${px - 3},${py}a3,3 0 1,0 6,0a3,3 0 1,0 -6,0`)}
              />
              {lines.map(([name, value, below]) => (
                <g key={name}>
                  <line class="dashed" x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
                  <text x={width - RIGHT + 6} y={y(value) + below}>
                    {name}
                  </text>
                  <text class="value" x={width - RIGHT + 6} y={y(value) + below + 13}>
                    {duration(value)}
                  </text>
                </g>
              ))}
              {x.ticks(Math.max(2, Math.floor(width / 130))).map(time => (
                <text key={time.getTime()} x={x(time)} y={HEIGHT - 6} text-anchor="middle">
                  {tick(time.getTime(), last - first)}
                </text>
              ))}
              {cursor !== undefined && (
                <circle class="cursor-ring" cx={x(at[cursor]!)} cy={y(timed[cursor]!.time_seconds)} r="7" />
              )}
            </>
          )
        }}
      </Plot>
      <PlotTable
        file="durations"
        caption={label}
        columns={COLUMNS}
        rows={timed}
        keyOf={one => one.attempt_id ?? JSON.stringify(one)}
      />
    </>
  )
}

/** The value below which `share` of the sorted values are. */
const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 1

const describe = ({ timestamp, time_seconds, success, issue_type }: AgentAttempt): string =>
  `${dateTime(timestamp)}: ${duration(time_seconds)} at ${issue_type}, ${success ? 'solved' : success === undefined ? 'pending' : 'failed'}`
