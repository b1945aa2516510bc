/** The rate per interval with its 95 % interval, and the attempts below. An interval without attempts is a gap, never 0. */
import { scaleLinear, scaleTime } from 'd3-scale'
import { area, line } from 'd3-shape'
import type { TrendPoint } from '../../../core/reports/trends.ts'
import { count, dateTime, interval, plural, rate, rateTick, tick } from '../data/format.ts'
import { type Column, PlotTable } from '../parts/data-table.tsx'
import { GridLines, nearestIndex, Plot } from './frame.tsx'

const LEFT = 44
const TOP = 12
const RATE_HEIGHT = 200
const BAR_TOP = 226
const BAR_HEIGHT = 34
const HEIGHT = 284

const COLUMNS: readonly Column<TrendPoint>[] = [
  { title: 'From', isText: true, cell: ({ since }) => dateTime(since), csv: ({ since }) => since },
  { title: 'Until', isText: true, cell: ({ until }) => dateTime(until), csv: ({ until }) => until },
  {
    title: 'Rate',
    cell: point => (point.total_attempts === 0 ? '' : rate(point.success_rate)),
    csv: ({ success_rate }) => success_rate,
  },
  {
    title: '95% interval',
    cell: point => (point.total_attempts === 0 ? '' : interval(point.success_rate_interval)),
    csv: ({ success_rate_interval: { low, high } }) => `${low} to ${high}`,
  },
  {
    title: 'Attempts',
    cell: ({ total_attempts }) => count(total_attempts),
    csv: ({ total_attempts }) => total_attempts,
  },
]

interface RateOverTimeProps {
  label: string
  points: readonly TrendPoint[]
  /** The rate before a detected change, in percent. */
  baseline?: number | null
}

export function RateOverTime({ label, points, baseline = null }: RateOverTimeProps) {
  const middle = ({ since, until }: TrendPoint): number => (Date.parse(since) + Date.parse(until)) / 2
  const first = Date.parse(points[0]?.since ?? '')
  const last = Date.parse(points.at(-1)?.until ?? '')
  const xOf = (width: number) =>
    scaleTime()
      .domain([first, last])
      .range([LEFT, width - 8])
  const y = scaleLinear([0, 100], [RATE_HEIGHT + TOP, TOP])
  const most = Math.max(1, ...points.map(point => point.total_attempts))
  const bar = scaleLinear([0, most], [0, BAR_HEIGHT])
  const has = (point: TrendPoint): boolean => point.total_attempts > 0
  return (
    <>
      <Plot
        label={label}
        height={HEIGHT}
        points={points.length}
        describe={i => describe(points[i]!)}
        nearest={(at, _, width) => nearestIndex(points.length, i => Math.abs(xOf(width)(middle(points[i]!)) - at))}
      >
        {(width, cursor) => {
          const x = xOf(width)
          const at = (point: TrendPoint): number => x(middle(point))
          const band = area<TrendPoint>(
            at,
            point => y(point.success_rate_interval.low),
            point => y(point.success_rate_interval.high),
          ).defined(has)
          const rates = line<TrendPoint>(at, point => y(point.success_rate)).defined(has)
          const isAlone = (i: number): boolean => !points[i - 1]?.total_attempts && !points[i + 1]?.total_attempts
          return (
            <>
              <GridLines x={LEFT} width={width - 8} ticks={[0, 25, 50, 75, 100]} y={y} print={rateTick} />
              {baseline !== null && <line class="dashed" x1={LEFT} x2={width - 8} y1={y(baseline)} y2={y(baseline)} />}
              <path class="area" d={band(points) ?? ''} />
              <path class="line" d={rates(points) ?? ''} />
              {points.map((point, i) =>
                has(point) && isAlone(i) ? (
                  <g key={point.since}>
                    <line
                      class="interval"
                      x1={at(point)}
                      x2={at(point)}
                      y1={y(point.success_rate_interval.low)}
                      y2={y(point.success_rate_interval.high)}
                    />
                    <circle class="estimate" cx={at(point)} cy={y(point.success_rate)} r="5" />
                  </g>
                ) : null,
              )}
              {points.map(point => {
                const [from, until] = [x(Date.parse(point.since)), x(Date.parse(point.until))]
                return (
                  <rect
                    key={point.since}
                    class="bar-count"
                    x={from + 1}
                    width={Math.max(1, until - from - 2)}
                    y={BAR_TOP + BAR_HEIGHT - bar(point.total_attempts)}
                    height={bar(point.total_attempts)}
                  />
                )
              })}
              <text x={LEFT - 8} y={BAR_TOP + 12} text-anchor="end">
                {count(most)}
              </text>
              <text x={LEFT - 8} y={BAR_TOP + BAR_HEIGHT} text-anchor="end">
                n
              </text>
              {x.ticks(Math.max(2, Math.floor(width / 130))).map(time => (
                <text key={time.getTime()} x={x(time)} y={HEIGHT - 4} text-anchor="middle">
                  {tick(time.getTime(), last - first)}
                </text>
              ))}
              {cursor !== undefined && (
                <line
                  class="cursor"
                  x1={at(points[cursor]!)}
                  x2={at(points[cursor]!)}
                  y1={TOP}
                  y2={BAR_TOP + BAR_HEIGHT}
                />
              )}
            </>
          )
        }}
      </Plot>
      <PlotTable file="rate-over-time" caption={label} columns={COLUMNS} rows={points} keyOf={({ since }) => since} />
    </>
  )
}

function describe(point: TrendPoint): string {
  const from = dateTime(point.since)
  if (point.total_attempts === 0) return `From ${from}: no attempts`
  return `From ${from}: ${rate(point.success_rate)} of ${plural(point.total_attempts, 'attempt')}, 95% interval ${interval(point.success_rate_interval)}`
}
