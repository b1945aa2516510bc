import { expect, test } from 'vitest'
import { simulations } from './simulations.ts'

test.each(simulations)('$name: $promise', ({ promise, run }) => {
  const { measured, holds } = run()
  expect(holds, `${promise}; measured: ${measured}`).toBe(true)
})
