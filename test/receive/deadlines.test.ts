import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createDeadlines } from '../../src/receive/deadlines.ts'

describe('deadlines', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function late(): { readonly names: string[]; readonly of: (name: string) => () => void } {
    const names: string[] = []
    return { names, of: name => () => void names.push(name) }
  }

  test('call in the order they began, each when its own time is up', () => {
    const { names, of } = late()
    const deadlines = createDeadlines(100)
    deadlines.begin(of('first'))
    vi.advanceTimersByTime(40)
    deadlines.begin(of('second'))
    vi.advanceTimersByTime(60)
    expect(names).toEqual(['first'])
    vi.advanceTimersByTime(39)
    expect(names).toEqual(['first'])
    vi.advanceTimersByTime(2)
    expect(names).toEqual(['first', 'second'])
  })

  test('do not call what was ended, whichever of them it was, nor take others along', () => {
    const { names, of } = late()
    const deadlines = createDeadlines(100)
    const [a, , c, , e] = ['a', 'b', 'c', 'd', 'e'].map(name => deadlines.begin(of(name)))
    for (const ended of [c!, a!, e!, c!]) deadlines.end(ended)
    vi.advanceTimersByTime(101)
    expect(names).toEqual(['b', 'd'])
  })

  test('go on after all were ended, and after all were late', () => {
    const { names, of } = late()
    const deadlines = createDeadlines(100)
    deadlines.end(deadlines.begin(of('ended')))
    vi.advanceTimersByTime(500)
    const was = deadlines.begin(of('late'))
    vi.advanceTimersByTime(101)
    deadlines.end(was)
    deadlines.begin(of('later'))
    vi.advanceTimersByTime(101)
    expect(names).toEqual(['late', 'later'])
  })

  test('may be begun and ended by what is called when one is late', () => {
    const { names, of } = late()
    const deadlines = createDeadlines(100)
    deadlines.begin(() => {
      names.push('first')
      deadlines.end(second)
      deadlines.begin(of('third'))
    })
    const second = deadlines.begin(of('second'))
    vi.advanceTimersByTime(101)
    expect(names).toEqual(['first'])
    vi.advanceTimersByTime(101)
    expect(names).toEqual(['first', 'third'])
  })
})
