/** The reliability diagram: the stated confidence of each bin against its rate, and the number of attempts below. */
import { scaleLinear } from 'd3-scale'
import type { ReliabilityBin } from '../../../core/statistics/calibration.ts'
import { count, interval, plural, rate, rateTick, share } from '../data/format.ts'
import { countColumn, intervalColumn, numberColumn, rateColumn, textColumn } from '../parts/columns.tsx'
import { type Column, PlotTable } from '../parts/data-table.tsx'
import { GridLines, nearestIndex, Plot } from './frame.tsx'

const LEFT = 44
const TOP = 8
const SIDE = 340
const STRIP_TOP = 364
const STRIP_HEIGHT = 44
const HEIGHT = 430

const COLUMNS: readonly Column<ReliabilityBin>[] = [
  textColumn(
    'Stated',
    ({ from, to }) => `${from} to ${to}`,
    ({ from, to }) => `${share(from)} to ${share(to)}`,
  ),
  numberColumn('Mean stated', ({ mean_confidence }) => mean_confidence, share),
  rateColumn('Rate', ({ success_rate }) => success_rate),
  intervalColumn(bin => (bin.attempts === 0 ? undefined : bin.success_rate_interval)),
  countColumn('Attempts', ({ attempts }) => attempts),
]

export function Reliability({ bins }: { bins: readonly ReliabilityBin[] }) {
  const filled = bins.filter(({ attempts }) => attempts > 0)
  const most = Math.max(1, ...filled.map(({ attempts }) => attempts))
  const y = scaleLinear([0, 100], [TOP + SIDE, TOP])
  const bar = scaleLinear([0, most], [0, STRIP_HEIGHT - 14])
  const xOf = (width: number) => scaleLinear([0, 1], [LEFT, width - 12])
  const label = 'Stated confidence against the success rate'
  return (
    <>
      <Plot
        label={label}
        height={HEIGHT}
        maxWidth={460}
        points={filled.length}
        describe={i => describe(filled[i]!)}
        nearest={(at, _, width) =>
          nearestIndex(filled.length, i => Math.abs(xOf(width)(filled[i]!.mean_confidence ?? 0) - at))
        }
      >
        {(width, cursor) => {
          const x = xOf(width)
          return (
            <>
              <GridLines x={LEFT} width={width - 12} ticks={[0, 25, 50, 75, 100]} y={y} print={rateTick} />
              <path class="dashed" d={`M${x(0)},${y(0)}L${x(1)},${y(100)}`} />
              {filled.map(bin => (
                <g key={bin.from}>
                  <line
                    class="interval"
                    x1={x(bin.mean_confidence ?? 0)}
                    x2={x(bin.mean_confidence ?? 0)}
                    y1={y(bin.success_rate_interval.low)}
                    y2={y(bin.success_rate_interval.high)}
                  />
                  <circle
                    class="estimate"
                    cx={x(bin.mean_confidence ?? 0)}
                    cy={y(bin.success_rate ?? 0)}
                    r={3.5 + 5.5 * Math.sqrt(bin.attempts / most)}
                  />
                  <rect
                    class="bar-count"
                    x={x(bin.from) + 1}
                    width={x(bin.to) - x(bin.from) - 2}
                    y={STRIP_TOP + STRIP_HEIGHT - bar(bin.attempts)}
                    height={bar(bin.attempts)}
                  />
                  <text
                    x={x((bin.from + bin.to) / 2)}
                    y={STRIP_TOP + STRIP_HEIGHT - bar(bin.attempts) - 3}
                    text-anchor="middle"
                  >
                    {count(bin.attempts)}
                  </text>
                </g>
              ))}
              {[0, 0.25, 0.5, 0.75, 1].map(at => (
                <text key={at} x={x(at)} y={HEIGHT - 6} text-anchor={at === 1 ? 'end' : 'middle'}>
                  {rateTick(at * 100)}
                </text>
              ))}
              {cursor !== undefined && (
                <line
                  class="cursor"
                  x1={x(filled[cursor]!.mean_confidence ?? 0)}
                  x2={x(filled[cursor]!.mean_confidence ?? 0)}
                  y1={TOP}
                  y2={STRIP_TOP + STRIP_HEIGHT}
                />
              )}
            </>
          )
        }}
      </Plot>
      <PlotTable file="reliability" caption={label} columns={COLUMNS} rows={bins} keyOf={({ from }) => String(from)} />
    </>
  )
}

const describe = (bin: ReliabilityBin): string =>
  `Stated ${share(bin.mean_confidence ?? 0)}, succeeded ${rate(bin.success_rate ?? 0)} of ${plural(bin.attempts, 'attempt')}, 95% interval ${interval(bin.success_rate_interval)}`
