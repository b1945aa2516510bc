/** Small files of text that an operator writes: read within bounds, and refused where they are not UTF-8. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type Document, LineCounter, type ParsedNode, parseDocument } from 'yaml'

/** Larger than any sensible file of settings, rules, prices or tokens. */
const MAX_BYTES = 4 * 1024 * 1024

/** Reads a text file. Throws an Error whose message reads on after the file's name: `is not UTF-8 …`, or the system's error. */
export function readTextFile(path: string): string {
  return decode(readFileSync(path))
}

/** {@link readTextFile} without blocking the event loop: for files that are read again while the sidecar serves. */
export async function readTextFileAsync(path: string): Promise<string> {
  return decode(await readFile(path))
}

function decode(bytes: Buffer): string {
  if (bytes.length > MAX_BYTES) throw new Error(`it has ${bytes.length} bytes, and at most ${MAX_BYTES} are read`)
  // Windows shells write UTF-16; read as UTF-8, it holds a NUL in every other byte or is no UTF-8 at all.
  if (bytes.includes(0)) throw new Error('it is not UTF-8 text: it holds NUL bytes. Save it as UTF-8')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is not UTF-8 text. Save it as UTF-8')
  }
}

/** A parsed YAML (or JSON) file that knows the line of every value. */
export interface YamlFile {
  readonly document: Document.Parsed<ParsedNode>
  /** The values of a node, or of the whole file. Throws an Error where its aliases expand without bound. */
  valueOf(node?: ParsedNode): unknown
  /** The line (from 1) of an offset. */
  lineOf(offset: number): number
}

/** What is wrong with a YAML file as a whole. */
export interface YamlFault {
  readonly fault: string
}

/** Parses YAML 1.2, which includes JSON. Answers the first syntax error with its place: `PATH line 3: …`. */
export function parseYaml(path: string, text: string): YamlFile | YamlFault {
  const lines = new LineCounter()
  const lineOf = (offset: number): number => lines.linePos(offset).line
  let document: Document.Parsed<ParsedNode>
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  } catch (error) {
    // Nested so deeply that the parser runs out of stack.
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

/** A few aliases are a convenience; aliases of aliases of aliases exhaust memory. */
const LIMITS = { maxAliasCount: 100 }
