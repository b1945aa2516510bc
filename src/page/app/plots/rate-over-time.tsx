/**
 * The rate per interval with its 95 % interval, and the attempts below. An interval without attempts is a gap, never 0, and one with few attempts
 * does not bend the line.
 */
import { scaleLinear, scaleTime } from 'd3-scale'
import { area, line } from 'd3-shape'
import type { TrendPoint } from '../../../core/reports/trends.ts'
import type { Drift } from '../../../core/statistics/drift.ts'
import { count, dateTime, interval, plural, rate, rateTick, tick } from '../data/format.ts'
import { countColumn, intervalColumn, rateColumn, textColumn } from '../parts/columns.tsx'
import { type Column, PlotTable } from '../parts/data-table.tsx'
import { GridLines, nearestIndex, Plot } from './frame.tsx'

const LEFT = 44
const TOP = 12
const RATE_HEIGHT = 200
const BAR_TOP = 226
const BAR_HEIGHT = 34
const HEIGHT = 284

const COLUMNS: readonly Column<TrendPoint>[] = [
  textColumn(
    'From',
    ({ since }) => since,
    ({ since }) => dateTime(since),
  ),
  textColumn(
    'Until',
    ({ until }) => until,
    ({ until }) => dateTime(until),
  ),
  rateColumn('Rate', point => (point.total_attempts === 0 ? null : point.success_rate)),
  intervalColumn(point => (point.total_attempts === 0 ? undefined : point.success_rate_interval)),
  countColumn('Attempts', ({ total_attempts }) => total_attempts),
]

interface RateOverTimeProps {
  label: string
  points: readonly TrendPoint[]
  /** What has drifted: drawn from when it began until now, with the rate before it. */
  drift?: Drift | undefined
}

/** The line leaves out intervals with fewer attempts: the rate of one attempt is 0 or 100 %. */
const FEW = 5

/** The key of {@link RateOverTime}. */
export function RateKey() {
  return (
    <>
      <span class="key">
        <svg width="28" height="14" aria-hidden="true">
          <rect class="area" width="28" height="14" />
          <path class="line" d="M0,7h28" />
        </svg>
        rate and 95% interval
      </span>
      <span class="key">
        <svg width="12" height="12" aria-hidden="true">
          <circle class="estimate hollow" cx="6" cy="6" r="4" />
        </svg>
        fewer than {FEW} attempts
      </span>
    </>
  )
}

/** The narrowest region of a drift, in pixels: it is seen in a plot of a year, too. */
const LEAST_REGION = 6

export function RateOverTime({ label, points, drift }: RateOverTimeProps) {
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
  const isInLine = (point: TrendPoint | undefined): boolean => point !== undefined && point.total_attempts >= FEW
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
          const rates = line<TrendPoint>(at, point => y(point.success_rate)).defined(isInLine)
          const isAlone = (i: number): boolean => !points[i - 1]?.total_attempts && !points[i + 1]?.total_attempts
          const isJoined = (i: number): boolean =>
            isInLine(points[i]) && (isInLine(points[i - 1]) || isInLine(points[i + 1]))
          return (
            <>
              <GridLines x={LEFT} width={width - 8} ticks={[0, 25, 50, 75, 100]} y={y} print={rateTick} />
              {drift !== undefined && (
                <DriftRegion
                  drift={drift}
                  from={Math.min(Math.max(LEFT, x(Date.parse(drift.began_at ?? ''))), width - 8 - LEAST_REGION)}
                  until={width - 8}
                  y={y}
                />
              )}
              <path class="area" d={band(points) ?? ''} />
              <path class="line" d={rates(points) ?? ''} />
              {points.map((point, i) =>
                has(point) && !isJoined(i) ? (
                  <g key={point.since}>
                    {isAlone(i) && (
                      <line
                        class="interval"
                        x1={at(point)}
                        x2={at(point)}
                        y1={y(point.success_rate_interval.low)}
                        y2={y(point.success_rate_interval.high)}
                      />
                    )}
                    <circle
                      class={isInLine(point) ? 'estimate' : 'estimate hollow'}
                      cx={at(point)}
                      cy={y(point.success_rate)}
                      r="4"
                    />
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

interface DriftRegionProps {
  drift: Drift
  /** In pixels. */
  from: number
  until: number
  y(rate: number): number
}

/** The time of a drift, shaded, with the rate that was expected in it. */
function DriftRegion({ drift, from, until, y }: DriftRegionProps) {
  const isDown = drift.direction === 'down'
  const expected = drift.expected_rate ?? 0
  const isRight = until - from > 260
  return (
    <g class={isDown ? 'drift worse' : 'drift decided'}>
      <rect x={from} y={TOP} width={until - from} height={RATE_HEIGHT} />
      <line class="dashed" x1={LEFT} x2={until} y1={y(expected)} y2={y(expected)} />
      <text x={isRight ? from + 8 : from - 8} y={TOP + 16} text-anchor={isRight ? 'start' : 'end'}>
        {isDown ? 'worse' : 'better'} since about {dateTime(drift.began_at ?? '')}
      </text>
    </g>
  )
}

function describe(point: TrendPoint): string {
  const from = dateTime(point.since)
  if (point.total_attempts === 0) return `From ${from}: no attempts`
  return `From ${from}: ${rate(point.success_rate)} of ${plural(point.total_attempts, 'attempt')}, 95% interval ${interval(point.success_rate_interval)}`
}
