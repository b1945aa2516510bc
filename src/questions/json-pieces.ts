/** JSON text in pieces: an answer about thousands of keys takes too long to be printed at one go. */

/** How deep answers nest before what stands there is small: in an answer its groups, and in those each group. */
const DEPTH = 2

/** What `JSON.stringify` makes of an answer, which is plain data, in pieces. */
export function* jsonPieces(answer: object, depth: number = DEPTH): Generator<string> {
  const isArray = Array.isArray(answer)
  let comma = ''
  yield isArray ? '[' : '{'
  for (const name of Object.keys(answer)) {
    const value: unknown = answer[name as keyof typeof answer]
    if (value === undefined) continue
    yield isArray ? comma : `${comma}${JSON.stringify(name)}:`
    if (depth > 1 && typeof value === 'object' && value !== null) yield* jsonPieces(value, depth - 1)
    else yield JSON.stringify(value)
    comma = ','
  }
  yield isArray ? ']' : '}'
}
