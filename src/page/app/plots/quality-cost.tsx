/** Quality against cost: the rate and the cost per success of each model, both with their intervals, and the Pareto front. */
import { scaleLinear, scaleLog } from 'd3-scale'
import { interval, money, moneyTick, rate, rateTick } from '../data/format.ts'
import { GridLines, nearestIndex, Plot } from './frame.tsx'

/** A priced model. */
export interface PricedModel {
  readonly name: string
  /** In percent. */
  readonly rate: number
  readonly rateInterval: { readonly low: number; readonly high: number }
  /** US dollars per success. */
  readonly cost: number
  readonly costInterval: { readonly low: number; readonly high: number }
}

/** Where a model is: on the front, not distinguished from it by its intervals, or behind it. */
export type FrontPosition = 'on_front' | 'could_be_on_front' | 'behind'

/** The position of each model. One is behind if another one is better in both by its whole intervals. */
export function frontPositions(models: readonly PricedModel[]): ReadonlyMap<string, FrontPosition> {
  return new Map(
    models.map(one => {
      const others = models.filter(other => other !== one)
      const isBeaten = others.some(
        other => other.rate >= one.rate && other.cost <= one.cost && (other.rate > one.rate || other.cost < one.cost),
      )
      const isClearlyBeaten = others.some(
        other => other.rateInterval.low > one.rateInterval.high && other.costInterval.high < one.costInterval.low,
      )
      return [one.name, isClearlyBeaten ? 'behind' : isBeaten ? 'could_be_on_front' : 'on_front']
    }),
  )
}

const LEFT = 44
const TOP = 16
const BOTTOM = 300
const HEIGHT = 328

export function QualityCost({ models }: { models: readonly PricedModel[] }) {
  const positions = frontPositions(models)
  const front = models.filter(({ name }) => positions.get(name) === 'on_front').sort((a, b) => a.cost - b.cost)
  const lows = models.map(({ costInterval, cost }) => Math.max(costInterval.low, cost / 20))
  const highs = models.map(({ costInterval, cost }) => Math.min(costInterval.high, cost * 20))
  const xOf = (width: number) => scaleLog([Math.min(...lows) * 0.8, Math.max(...highs) * 1.25], [LEFT, width - 12])
  const y = scaleLinear([0, 100], [BOTTOM, TOP])
  return (
    <Plot
      label="Success rate against cost per success"
      height={HEIGHT}
      points={models.length}
      describe={i => describe(models[i]!)}
      nearest={(px, py, width) =>
        nearestIndex(models.length, i => Math.hypot(xOf(width)(models[i]!.cost) - px, y(models[i]!.rate) - py))
      }
    >
      {(width, cursor) => {
        const x = xOf(width)
        const steps = front.map(
          ({ cost, rate: at }, i) =>
            `${i === 0 ? 'M' : 'V'}${i === 0 ? `${x(cost)},${y(at)}` : y(at)}${i < front.length - 1 ? `H${x(front[i + 1]!.cost)}` : ''}`,
        )
        return (
          <>
            <GridLines x={LEFT} width={width - 12} ticks={[0, 25, 50, 75, 100]} y={y} print={rateTick} />
            {spaced(x.ticks(5), x).map(cost => (
              <text key={cost} x={x(cost)} y={HEIGHT - 8} text-anchor="middle">
                {moneyTick(cost)}
              </text>
            ))}
            <text x={LEFT + 6} y={TOP + 12} class="label">
              ↖ better
            </text>
            <path class="front" d={steps.join('')} />
            {models.map((model, i) => (
              <g key={model.name}>
                <line
                  class="cross"
                  x1={x(Math.max(model.costInterval.low, model.cost / 20))}
                  x2={x(Math.min(model.costInterval.high, model.cost * 20))}
                  y1={y(model.rate)}
                  y2={y(model.rate)}
                />
                <line
                  class="cross"
                  x1={x(model.cost)}
                  x2={x(model.cost)}
                  y1={y(model.rateInterval.low)}
                  y2={y(model.rateInterval.high)}
                />
                <circle
                  class={positions.get(model.name) === 'on_front' ? 'estimate' : 'estimate hollow'}
                  cx={x(model.cost)}
                  cy={y(model.rate)}
                  r="6"
                />
                {(positions.get(model.name) === 'on_front' || cursor === i) && (
                  <text
                    class="label"
                    x={x(model.cost) + (x(model.cost) > width * 0.7 ? -10 : 10)}
                    y={y(model.rate) - 10}
                    text-anchor={x(model.cost) > width * 0.7 ? 'end' : 'start'}
                  >
                    {model.name}
                  </text>
                )}
              </g>
            ))}
          </>
        )
      }}
    </Plot>
  )
}

/** Pixels between two labels of the axis: the width of the longest one. */
const LABEL_WIDTH = 44

/** The ticks whose labels do not overlap. On an axis of logarithms they get closer to the right. */
function spaced(ticks: readonly number[], x: (value: number) => number): number[] {
  const shown: number[] = []
  for (const tick of ticks) {
    const last = shown.at(-1)
    if (last === undefined || x(tick) - x(last) >= LABEL_WIDTH) shown.push(tick)
  }
  return shown
}

const describe = (model: PricedModel): string =>
  `${model.name}: ${rate(model.rate)} (${interval(model.rateInterval)}), ${money(model.cost)} per success (${money(model.costInterval.low)} to ${money(model.costInterval.high)})`
