/** Attempts: the newest, as they arrive. */
import { useEffect, useRef } from 'preact/hooks'
import type { AgentAttempt } from '../../../core/attempt/attempt.ts'
import { MAX_ATTEMPTS, useNewestAttempts } from '../data/attempts.ts'
import { count } from '../data/format.ts'
import { ATTEMPT_COLUMNS, AttemptTable } from '../parts/attempt-table.tsx'
import { Notice } from '../parts/basics.tsx'
import { Card, Loaded } from '../parts/card.tsx'
import { tableCsv } from '../parts/data-table.tsx'
import { filterQuery } from '../parts/filters.tsx'
import { Heading } from '../parts/heading.tsx'
import { useHold } from '../parts/hold.ts'

export function AttemptsView() {
  const query = filterQuery()
  const { answer, attempts } = useNewestAttempts(query)
  const held = useHeldAttempts(attempts)
  return (
    <main aria-busy={answer.isBusy}>
      <Heading title="Attempts" filters={['agent_name', 'model_name', 'issue_type', 'since']}>
        The newest {count(MAX_ATTEMPTS)}, as they arrive, with the results that they reported.
      </Heading>
      <Card
        legend={
          held.waiting > 0 ? (
            <button type="button" class="button primary" onClick={held.show}>
              {count(held.waiting)} new
            </button>
          ) : (
            <span>New attempts appear at the top.</span>
          )
        }
        source={{ path: 'attempts', query }}
        csv={tableCsv('attempts', ATTEMPT_COLUMNS, held.attempts)}
      >
        <div {...held.handlers}>
          <Loaded answer={answer} rows={8}>
            {() =>
              held.attempts.length === 0 ? (
                <Notice>
                  No single attempts are kept here. Older ones count in the other views, and their records expire.
                </Notice>
              ) : (
                <AttemptTable caption="The newest attempts" attempts={held.attempts} />
              )
            }
          </Loaded>
        </div>
      </Card>
    </main>
  )
}

/** How far the page may be scrolled while new attempts still appear, in pixels. */
const SCROLLED_PX = 200

/** Whether the page is scrolled. Kept at each scrolling: to ask for the position at each drawing would force a layout. */
function useScrolled(): { readonly current: boolean } {
  const isScrolled = useRef(false)
  useEffect(() => {
    const update = (): void => {
      isScrolled.current = window.scrollY >= SCROLLED_PX
    }
    update()
    window.addEventListener('scroll', update, { passive: true })
    return () => window.removeEventListener('scroll', update)
  }, [])
  return isScrolled
}

/** While the list is scrolled, pointed at or focused, new attempts wait, so that no row moves. */
function useHeldAttempts(attempts: readonly AgentAttempt[]) {
  const { isHeld, release, handlers } = useHold()
  const isScrolled = useScrolled()
  const shown = useRef(attempts)
  if (!isHeld && !isScrolled.current) shown.current = attempts
  const first = shown.current[0]
  const waiting = shown.current === attempts || first === undefined ? 0 : attempts.indexOf(first)
  const isEmpty = shown.current.length === 0
  if (isEmpty) shown.current = attempts
  return {
    attempts: shown.current,
    waiting: waiting < 0 ? attempts.length : waiting,
    show() {
      shown.current = attempts
      release()
      window.scrollTo(0, 0)
    },
    handlers,
  }
}
