/** Straight-line code that is generated from the field table. */

/**
 * A function of these lines of code. Use it for what runs once per attempt and has one line per declared field: V8 runs properties that
 * code names twice as fast as a loop over names. With loops, the row "OTLP protobuf batches of 512" of bench/RESULTS.md pays 13 %
 * more CPU per attempt, and the row "batch of 1,000" 5 %. Only names, numbers and indexes may become code, never anything from outside.
 */
export function compile<Compiled>(parameters: readonly string[], lines: readonly string[]): Compiled {
  return new Function(...parameters, `'use strict'\n${lines.join('\n')}`) as Compiled
}
