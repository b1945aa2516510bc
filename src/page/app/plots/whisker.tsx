/** A rate and its interval on an axis from 0 to 100 %. Positions are in percent of the width, so that nothing is measured and nothing moves. */

interface WhiskerProps {
  rate: number
  low: number
  high: number
  /** The interval of the leader: a band behind all rows. */
  band?: { readonly low: number; readonly high: number } | undefined
  /** Too few attempts to compare. */
  isHollow?: boolean
}

export function Whisker({ rate, low, high, band, isHollow = false }: WhiskerProps) {
  return (
    <svg class="whisker" width="100%" height="100%" aria-hidden="true">
      {band !== undefined && (
        <rect class="band" x={`${band.low}%`} width={`${band.high - band.low}%`} y="0" height="100%" />
      )}
      {[0, 25, 50, 75, 100].map(at => (
        <line key={at} class="grid" x1={`${at}%`} x2={`${at}%`} y1="0" y2="100%" />
      ))}
      <line class="interval" x1={`${low}%`} x2={`${high}%`} y1="50%" y2="50%" />
      <circle class={isHollow ? 'estimate hollow' : 'estimate'} cx={`${rate}%`} cy="50%" r="5.5" />
    </svg>
  )
}

/** The key of {@link Whisker}. */
export function WhiskerKey({ band = true }: { band?: boolean }) {
  return (
    <>
      <span class="key">
        <svg width="44" height="14" aria-hidden="true" class="whisker">
          <line class="interval" x1="1" x2="43" y1="7" y2="7" />
          <circle class="estimate" cx="22" cy="7" r="5" />
        </svg>
        rate and 95% interval
      </span>
      {band && (
        <span class="key">
          <svg width="44" height="14" aria-hidden="true" class="whisker">
            <rect class="band" width="44" height="14" rx="3" />
          </svg>
          the leader’s interval
        </span>
      )}
    </>
  )
}

/** The labels of the axis, over the column of whiskers. */
export function WhiskerAxis() {
  return (
    <svg class="axis" width="100%" height="16" aria-hidden="true">
      {[0, 25, 50, 75, 100].map(at => (
        <text key={at} x={`${at}%`} y="12" text-anchor={at === 100 ? 'end' : at === 0 ? 'start' : 'middle'}>
          {at === 100 ? '100%' : at}
        </text>
      ))}
    </svg>
  )
}
