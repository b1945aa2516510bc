/** JSON text in pieces: printing an answer about thousands of keys at once would block the event loop. */

/** Members above this depth are printed one by one: an answer holds groups, and those hold many small members. */
const DEPTH = 2

/** The text that `JSON.stringify` prints of plain data, in pieces. */
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
