/** Whether the page is live, and the time. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { clock, duration } from '../data/format.ts'
import { connection } from '../data/live.ts'
import type { Connection } from '../data/stream.ts'

const WORDS: Readonly<Record<Connection, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  polling: 'Every 5 s: a proxy holds events back',
  lost: 'No connection',
  no_token: 'Token needed',
}

export function ConnectionState() {
  const [nowMs, setNow] = useState(() => Date.now())
  const lostMs = useRef<number | undefined>(undefined)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  const state = connection.value
  lostMs.current = state === 'lost' ? (lostMs.current ?? nowMs) : undefined
  return (
    <p class={`connection ${state}`}>
      <span class="light" aria-hidden="true" />
      <span role="status">{WORDS[state]}</span>
      {lostMs.current !== undefined && (
        <span>for {duration(Math.max(1, Math.round((nowMs - lostMs.current) / 1000)))}</span>
      )}
      <span class="clock">{clock(nowMs)}</span>
    </p>
  )
}
