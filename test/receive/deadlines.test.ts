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

  test('expire in the order they began, each at its own time', () => {
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

  test('do not expire after they were ended in any order, and do not affect others', () => {
    const { names, of } = late()
    const deadlines = createDeadlines(100)
    const [a, , c, , e] = ['a', 'b', 'c', 'd', 'e'].map(name => deadlines.begin(of(name)))
    for (const ended of [c!, a!, e!, c!]) deadlines.end(ended)
    vi.advanceTimersByTime(101)
    expect(names).toEqual(['b', 'd'])
  })

  test('work again after all were ended or expired', () => {
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

  test('may be begun and ended by the callback of another one', () => {
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
