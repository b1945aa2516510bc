/** Types of the functions of jstat that the tests use. The package has none. */
declare module 'jstat' {
  interface Distribution<Shapes extends number[]> {
    cdf(x: number, ...shapes: Shapes): number
    inv(p: number, ...shapes: Shapes): number
  }

  const jstat: {
    gammaln(x: number): number
    betaln(a: number, b: number): number
    ibeta(x: number, a: number, b: number): number
    lowRegGamma(a: number, x: number): number
    readonly chisquare: Distribution<[df: number]>
    readonly normal: Distribution<[mean: number, deviation: number]>
    readonly studentt: Distribution<[df: number]>
  }
  export = jstat
}
