/** Three small agents that edit source text. Each is good at one issue type, tries the others too, and fails beyond its method. */

export type IssueType = 'formatting' | 'imports' | 'complexity'

export interface Issue {
  readonly type: IssueType
  readonly source: string
}

export interface Fix {
  readonly source: string
  /** The agent's stated probability that the fix is correct, 0 to 1. */
  readonly confidence: number
}

export interface Agent {
  readonly name: string
  readonly model: string
  fix(issue: Issue): Promise<Fix>
}

/** Re-indents by braces. It ignores imports, and miscounts braces in strings. */
export const formattingAgent: Agent = {
  name: 'FormattingAgent',
  model: 'rules-v1',
  fix: ({ source }) => indent(source, line => line),
}

/** The next version of the agent, which ignores strings. An experiment compares both. */
export const newFormattingAgent: Agent = {
  ...formattingAgent,
  fix: ({ source }) => indent(source, withoutStrings),
}

async function indent(source: string, read: (line: string) => string): Promise<Fix> {
  let depth = 0
  const lines = source.split('\n').map(line => {
    const text = read(line.trim())
    if (text.startsWith('}')) depth--
    const indented = text === '' ? '' : '  '.repeat(Math.max(0, depth)) + line.trim()
    depth += (text.match(/{/g)?.length ?? 0) - (text.match(/}/g)?.length ?? 0) + (text.startsWith('}') ? 1 : 0)
    return indented
  })
  return { source: lines.join('\n'), confidence: depth === 0 ? 0.9 : 0.4 }
}

const withoutStrings = (text: string): string => text.replaceAll(/'[^']*'/g, "''")

/** Removes unused imports and sorts the rest. It understands only `import { a, b } from 'x'` on one line. */
export const importAgent: Agent = {
  name: 'ImportAgent',
  model: 'rules-v1',
  async fix({ source }) {
    const lines = source.split('\n')
    const isImport = (line: string): boolean => /^import .* from /.test(line)
    const body = lines.filter(line => !isImport(line)).join('\n')
    const kept = lines.filter(isImport).flatMap(line => {
      const found = /^import \{([^}]*)\} from (.*)$/.exec(line)
      if (found === null) return [line]
      const used = found[1]!
        .split(',')
        .map(name => name.trim())
        .filter(name => new RegExp(`\\b${name}\\b`).test(body))
      return used.length === 0 ? [] : [`import { ${used.sort().join(', ')} } from ${found[2]}`]
    })
    return { source: [...kept.sort(), body].join('\n'), confidence: 0.8 }
  },
}

/** Merges a nested `if (a) { if (b) { … } }` into one condition. It throws on anything else. */
export const refactoringAgent: Agent = {
  name: 'RefactoringAgent',
  model: 'rules-v2',
  async fix({ source }) {
    const nested = /if \(([^()]+)\) \{\s*if \(([^()]+)\) \{([^{}]*)\}\s*\}/
    if (!nested.test(source)) throw new RangeError('no nested condition of the supported form')
    return { source: source.replace(nested, 'if ($1 && $2) {$3}'), confidence: 0.7 }
  },
}

/** Whether a source text has no issue of the type. This decides success, independent of the agent's confidence. */
export function isClean(type: IssueType, source: string): boolean {
  if (type === 'complexity') return !/if \([^)]*\) \{\s*if \(/.test(source)
  if (type === 'imports') {
    const imports = source.split('\n').filter(line => line.startsWith('import '))
    const body = source
      .split('\n')
      .filter(line => !line.startsWith('import '))
      .join('\n')
    const names = imports.flatMap(
      line =>
        /\{([^}]*)\}/
          .exec(line)?.[1]
          ?.split(',')
          .map(name => name.trim()) ?? [],
    )
    return names.every(name => new RegExp(`\\b${name}\\b`).test(body)) && imports.join() === [...imports].sort().join()
  }
  let depth = 0
  return source.split('\n').every(line => {
    const text = withoutStrings(line.trim())
    if (text.startsWith('}')) depth--
    const right = text === '' || line.length - line.trimStart().length === 2 * depth
    depth += (text.match(/{/g)?.length ?? 0) - (text.match(/}/g)?.length ?? 0) + (text.startsWith('}') ? 1 : 0)
    return right
  })
}

/** Issues in source text. Some of them are beyond the method of the agent for their type. */
export function issues(): Issue[] {
  const name = (i: number): string => `value${i}`
  return Array.from({ length: 24 }, (_, i): Issue[] => [
    {
      type: 'formatting',
      source: `function ${name(i)}() {\nif (ready) {\nreturn ${i % 2 === 0 ? i : `'{'`}\n}\n}`,
    },
    {
      type: 'imports',
      source:
        i % 3 === 0
          ? `import * as path from 'node:path'\nimport { b } from './b.js'\nimport { a,\n  c } from './a.js'\nexport const ${name(i)} = b`
          : `import { b } from './b.js'\nimport { a, c } from './a.js'\nexport const ${name(i)} = a`,
    },
    {
      type: 'complexity',
      source:
        i % 4 === 0
          ? `if (a(${i})) {\n  if (b()) {\n    run()\n  }\n}`
          : `if (a > ${i}) {\n  if (b) {\n    run()\n  }\n}`,
    },
  ]).flat()
}
