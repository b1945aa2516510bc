/** The confidence sequence of an experiment: the difference from the baseline, and its interval, which narrows with the attempts. */
import { scaleLinear, scaleTime } from 'd3-scale'
import { area, line } from 'd3-shape'
import type { Given } from '../data/api.ts'
import { count, dateTime, points as differenceOf, plural, signed, signedTick, tick } from '../data/format.ts'
import { countColumn, numberColumn, textColumn } from '../parts/columns.tsx'
import { type Column, PlotTable } from '../parts/data-table.tsx'
import { GridLines, nearestIndex, Plot } from './frame.tsx'

type PastPoint = Given<'experiments/{name}/history'>['points'][number]

/** A comparison over all attempts before a time. */
export type SequencePoint = PastPoint['comparisons'][number] & { readonly until: string }

const LEFT = 44
/** Room for the numbers of the present interval. */
const RIGHT = 52
const TOP = 16
const BOTTOM = 272
const HEIGHT = 300

const COLUMNS: readonly Column<SequencePoint>[] = [
  textColumn(
    'Until',
    ({ until }) => until,
    ({ until }) => dateTime(until),
  ),
  countColumn('Attempts', ({ total_attempts }) => total_attempts),
  numberColumn('Difference', ({ difference }) => difference, differenceOf),
  numberColumn('Low', ({ difference_interval: { low } }) => low, signed),
  numberColumn('High', ({ difference_interval: { high } }) => high, signed),
  textColumn(
    'Method',
    ({ difference_interval: { method } }) => method,
    ({ difference_interval: { method } }) => method.replace('_', ' '),
  ),
]

/** What the axis of a sequence counts. */
export type SequenceAxis = 'attempts' | 'time'

interface SequenceProps {
  variant: string
  history: readonly SequencePoint[]
  axis: SequenceAxis
}

export function Sequence({ variant, history, axis }: SequenceProps) {
  const label = `${variant} minus the baseline, by ${axis}`
  const last = history.at(-1)
  const positionOf = ({ total_attempts, until }: SequencePoint): number =>
    axis === 'attempts' ? total_attempts : Date.parse(until)
  const [from, to] = axis === 'attempts' ? [0, Math.max(1, last?.total_attempts ?? 1)] : spanOf(history)
  const widest = Math.min(
    100,
    Math.max(
      10,
      ...history.map(({ difference }) => Math.abs(difference) * 1.6),
      Math.abs(last?.difference_interval.low ?? 0) * 1.3,
      Math.abs(last?.difference_interval.high ?? 0) * 1.3,
    ),
  )
  const y = scaleLinear([-widest, widest], [BOTTOM, TOP]).clamp(true)
  const xOf = (width: number) =>
    axis === 'attempts' ? scaleLinear([from, to], [LEFT, width - RIGHT]) : scaleTime([from, to], [LEFT, width - RIGHT])
  const decided = history.find(({ difference_interval: { low, high } }) => low > 0 || high < 0)
  return (
    <>
      <Plot
        label={label}
        height={HEIGHT}
        points={history.length}
        describe={i => describe(history[i]!)}
        nearest={(at, _, width) =>
          nearestIndex(history.length, i => Math.abs(xOf(width)(positionOf(history[i]!)) - at))
        }
      >
        {(width, cursor) => {
          const x = xOf(width)
          const at = (point: SequencePoint): number => x(positionOf(point))
          const band = area<SequencePoint>(
            at,
            point => y(point.difference_interval.low),
            point => y(point.difference_interval.high),
          )
          const middle = line<SequencePoint>(at, point => y(point.difference))
          return (
            <>
              <GridLines x={LEFT} width={width - RIGHT} ticks={y.ticks(5)} y={y} print={signedTick} />
              <line class="zero" x1={LEFT} x2={width - RIGHT} y1={y(0)} y2={y(0)} />
              <path class="area" d={band(history) ?? ''} />
              <path class="line" d={middle(history) ?? ''} />
              {last !== undefined && (
                <>
                  <line
                    class="interval"
                    x1={at(last)}
                    x2={at(last)}
                    y1={y(last.difference_interval.low)}
                    y2={y(last.difference_interval.high)}
                  />
                  <circle class="estimate" cx={at(last)} cy={y(last.difference)} r="6" />
                  {[last.difference_interval.high, last.difference, last.difference_interval.low].map((value, i) => (
                    <text key={i} class="value" x={at(last) + 10} y={y(value) + [0, 4, 8][i]!}>
                      {signed(value)}
                    </text>
                  ))}
                </>
              )}
              {decided !== undefined && (
                <>
                  <line class="dashed" x1={at(decided)} x2={at(decided)} y1={TOP} y2={BOTTOM} />
                  <text
                    class="label"
                    x={at(decided) + (at(decided) > width / 2 ? -6 : 6)}
                    y={TOP + 10}
                    text-anchor={at(decided) > width / 2 ? 'end' : 'start'}
                  >
                    decided at {axis === 'attempts' ? count(decided.total_attempts) : dateTime(decided.until)}
                  </text>
                </>
              )}
              {x.ticks(Math.max(2, Math.floor(width / 140))).map((value: number | Date) => (
                <text key={Number(value)} x={x(value)} y={HEIGHT - 8} text-anchor="middle">
                  {axis === 'attempts' ? count(Number(value)) : tick(Number(value), to - from)}
                </text>
              ))}
              {cursor !== undefined && (
                <line class="cursor" x1={at(history[cursor]!)} x2={at(history[cursor]!)} y1={TOP} y2={BOTTOM} />
              )}
            </>
          )
        }}
      </Plot>
      <PlotTable
        file="confidence-sequence"
        caption={label}
        columns={COLUMNS}
        rows={history}
        keyOf={({ until }) => until}
      />
    </>
  )
}

/** The times of the first and the last point, or the hour around a single one. */
function spanOf(history: readonly SequencePoint[]): readonly [number, number] {
  const [first, last] = [Date.parse(history[0]?.until ?? ''), Date.parse(history.at(-1)?.until ?? '')]
  return first < last ? [first, last] : [last - 1_800_000, last + 1_800_000]
}

const describe = (point: SequencePoint): string =>
  `After ${plural(point.total_attempts, 'attempt')}: ${differenceOf(point.difference)}, 95% interval ${signed(point.difference_interval.low)} to ${signed(point.difference_interval.high)}`
