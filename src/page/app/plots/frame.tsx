/**
 * A plot: an SVG as wide as its card, a cursor that the pointer and the arrow keys move, and a line that says the point under it. The height is
 * fixed, so that nothing moves when data arrive.
 */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

interface PlotProps {
  /** What the plot shows, for a screen reader. */
  label: string
  height: number
  /** The widest plot, in pixels. */
  maxWidth?: number
  /** The number of points that the cursor visits. */
  points: number
  /** The point under the cursor, in words. */
  describe(index: number): string
  /** The index of the point nearest to a position, in pixels. */
  nearest(x: number, y: number, width: number): number
  children(width: number, cursor: number | undefined): ComponentChildren
}

/** How long the cursor rests before a screen reader speaks. */
const SPEAK_MS = 300

export function Plot({ label, height, maxWidth = 4000, points, describe, nearest, children }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const [cursor, setCursor] = useState<number>()
  const [spoken, setSpoken] = useState('')
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.min(maxWidth, entry!.contentRect.width)))
    observer.observe(frame.current!)
    return () => observer.disconnect()
  }, [maxWidth])
  const at = cursor === undefined || cursor >= points ? undefined : cursor
  const text = at === undefined ? '' : describe(at)
  useEffect(() => {
    const timer = setTimeout(() => setSpoken(text), SPEAK_MS)
    return () => clearTimeout(timer)
  }, [text])

  function onKeyDown(event: KeyboardEvent): void {
    const to = destination(event.key, at, points)
    if (to === undefined) return
    event.preventDefault()
    setCursor(to)
  }
  return (
    <div class="plot-frame" ref={frame}>
      {/* biome-ignore-start lint/a11y/noNoninteractiveTabindex: the arrow keys move the cursor of the focused plot. */}
      <svg
        role="img"
        aria-label={`${label}. Use the arrow keys to read its points.`}
        tabIndex={0}
        width={width}
        height={height}
        style={{ height: `${height}px`, maxWidth: `${maxWidth}px` }}
        onKeyDown={onKeyDown}
        onBlur={() => setCursor(undefined)}
        onPointerMove={event => {
          const box = event.currentTarget.getBoundingClientRect()
          setCursor(points === 0 ? undefined : nearest(event.clientX - box.left, event.clientY - box.top, width))
        }}
        onPointerLeave={() => setCursor(undefined)}
      >
        {width > 0 && children(width, at)}
      </svg>
      {/* biome-ignore-end lint/a11y/noNoninteractiveTabindex: see above. */}
      <p class="readout" aria-hidden="true">
        {text}
      </p>
      <p class="hidden" aria-live="polite">
        {spoken}
      </p>
    </div>
  )
}

function destination(key: string, at: number | undefined, points: number): number | undefined {
  if (points === 0) return undefined
  if (key === 'Home') return 0
  if (key === 'End') return points - 1
  if (key === 'ArrowRight' || key === 'ArrowDown') return at === undefined ? 0 : Math.min(points - 1, at + 1)
  if (key === 'ArrowLeft' || key === 'ArrowUp') return at === undefined ? points - 1 : Math.max(0, at - 1)
  return undefined
}

/** The index of the smallest distance. */
export function nearestIndex(count: number, distance: (index: number) => number): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < count; i++) {
    const d = distance(i)
    if (d >= least) continue
    least = d
    best = i
  }
  return best
}

interface AxisProps {
  x: number
  width: number
  ticks: readonly number[]
  y(value: number): number
  print(value: number): string
}

/** Horizontal lines with their values at the left. */
export function GridLines({ x, width, ticks, y, print }: AxisProps) {
  return (
    <g>
      {ticks.map(value => (
        <g key={value}>
          <line class="grid" x1={x} x2={width} y1={y(value)} y2={y(value)} />
          <text x={x - 8} y={y(value) + 4} text-anchor="end">
            {print(value)}
          </text>
        </g>
      ))}
    </g>
  )
}
