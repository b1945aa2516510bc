/**
 * The root of `f` between `low` and `high`, to the precision of a double. `f` must be continuous and have opposite signs
 * at the two bounds. If the signs are equal, returns the bound where |f| is smaller. At most 200 calls of `f`.
 * Source: T. R. Chandrupatla, Adv. Eng. Software 28 (1997): inverse quadratic interpolation if it is safe, otherwise bisection.
 */
export function findRoot(f: (x: number) => number, low: number, high: number): number {
  const search = rootSearch(low, high)
  let step = search.next()
  while (step.done !== true) step = search.next(f(step.value))
  return step.value
}

/** {@link findRoot} for an `f` that the caller evaluates in steps: yields each x, expects f(x) in return, and returns the root. */
export function* rootSearch(low: number, high: number): Generator<number, number, number> {
  let [x1, x2, f1, f2] = [low, high, yield low, yield high]
  if (f1 === 0 || f2 === 0 || f1 > 0 === f2 > 0) return Math.abs(f1) <= Math.abs(f2) ? low : high
  let t = 0.5
  for (let call = 0; call < 198; call++) {
    const x = x1 + t * (x2 - x1)
    const fx = yield x
    let [x3, f3] = [x1, f1]
    if (Math.sign(fx) !== Math.sign(f1)) [x3, f3, x2, f2] = [x2, f2, x1, f1]
    ;[x1, f1] = [x, fx]
    const best = Math.abs(f1) < Math.abs(f2) ? x1 : x2
    const smallest = (2 * Number.EPSILON * Math.abs(best) + Number.MIN_VALUE) / Math.abs(x2 - x1)
    if (f1 === 0 || smallest > 0.5) return best
    t = Math.min(Math.max(step(x1, x2, x3, f1, f2, f3), smallest), 1 - smallest)
  }
  return Math.abs(f1) < Math.abs(f2) ? x1 : x2
}

function step(x1: number, x2: number, x3: number, f1: number, f2: number, f3: number): number {
  const xi = (x1 - x2) / (x3 - x2)
  const phi = (f1 - f2) / (f3 - f2)
  const safe = phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi
  if (!safe) return 0.5
  return (f1 / (f2 - f1)) * (f3 / (f2 - f3)) + ((x3 - x1) / (x2 - x1)) * (f1 / (f3 - f1)) * (f2 / (f3 - f2))
}
