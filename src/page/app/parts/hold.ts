/** Nothing moves away from under a click: rows stay while the reader points at them or focuses them. */
import { useState } from 'preact/hooks'

interface Hold {
  readonly isHeld: boolean
  release(): void
  /** For the element around the rows. */
  readonly handlers: Readonly<Record<'onPointerEnter' | 'onPointerLeave' | 'onFocusIn' | 'onFocusOut', () => void>>
}

export function useHold(): Hold {
  const [isHeld, setHeld] = useState(false)
  const hold = (): void => setHeld(true)
  const release = (): void => setHeld(false)
  return {
    isHeld,
    release,
    handlers: { onPointerEnter: hold, onPointerLeave: release, onFocusIn: hold, onFocusOut: release },
  }
}
