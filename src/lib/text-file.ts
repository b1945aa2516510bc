/** Reads small text files that an operator writes: bounded in size, and rejected if they are not UTF-8. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type Document, LineCounter, type ParsedNode, parseDocument } from 'yaml'

/** More than any reasonable file of settings, rules, prices or tokens. */
const MAX_BYTES = 4 * 1024 * 1024

/** Reads a text file. Throws an Error whose message continues `cannot read FILE: `. */
export function readTextFile(path: string): string {
  return decode(readFileSync(path))
}

/** {@link readTextFile} without blocking the event loop, for files that are read again while the sidecar serves. */
export async function readTextFileAsync(path: string): Promise<string> {
  return decode(await readFile(path))
}

function decode(bytes: Buffer): string {
  if (bytes.length > MAX_BYTES) throw new Error(`it has ${bytes.length} bytes, more than the maximum of ${MAX_BYTES}`)
  // Windows shells write UTF-16. Decoded as UTF-8 it contains NUL characters or is invalid.
  if (bytes.includes(0)) throw new Error('it is not UTF-8 text: it contains NUL bytes. Save it as UTF-8')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is not UTF-8 text. Save it as UTF-8')
  }
}

/** A parsed YAML (or JSON) file with the line numbers of its values. */
export interface YamlFile {
  readonly document: Document.Parsed<ParsedNode>
  /** The values of a node, or of the whole file. Throws an Error if its aliases expand beyond a limit. */
  valueOf(node?: ParsedNode): unknown
  /** The line (from 1) of an offset. */
  lineOf(offset: number): number
}

/** Why a YAML file cannot be parsed. */
export interface YamlFault {
  readonly fault: string
}

/** Parses YAML 1.2, which includes JSON. Returns the first syntax error with its place: `PATH line 3: …`. */
export function parseYaml(path: string, text: string): YamlFile | YamlFault {
  const lines = new LineCounter()
  const lineOf = (offset: number): number => lines.linePos(offset).line
  let document: Document.Parsed<ParsedNode>
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  } catch (error) {
    // Deep nesting exhausts the stack of the parser.
    return { fault: `${path}: cannot be parsed: ${(error as Error).message}` }
  }
  const error = document.errors[0]
  if (error !== undefined) {
    const what = error.code === 'DUPLICATE_KEY' ? 'this key is given twice' : error.message
    return { fault: `${path} line ${lineOf(error.pos[0])}: ${what}` }
  }
  const file: YamlFile = {
    document,
    valueOf: node => (node === undefined ? document.toJS(LIMITS) : node.toJS(document, LIMITS)),
    lineOf,
  }
  try {
    file.valueOf()
  } catch (error) {
    return { fault: `${path}: its aliases (*name) cannot be expanded: ${(error as Error).message}` }
  }
  return file
}

/** Nested aliases would expand exponentially and exhaust memory. */
const LIMITS = { maxAliasCount: 100 }
