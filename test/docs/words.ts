/**
 * Private words of this project and their standard terms (CONTRIBUTING.md, Language). words.test.ts rejects them in the folders that are
 * clean. `node test/docs/words.ts [path ...]` lists them in any folder, all by default.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

interface Word {
  readonly pattern: RegExp
  readonly standard: string
}

/** A capital letter in a pattern means a name in the code; `i` means any spelling. */
export const WORDS: readonly Word[] = [
  { pattern: /\b(?:asleep|awake\w*|sleeping|sleepers?)\b/i, standard: 'unloaded, loaded, idle' },
  { pattern: /\b(?:let(?:s|ting)? go|letGo\w*|lettingGo|dismiss\w*)\b/i, standard: 'release, remove' },
  { pattern: /\bsift\w*|Sift(?:ed|ing|er|s)?\b/i, standard: 'extract, extractor' },
  { pattern: /\bsettle[sd]?\b|\bsettling\b/i, standard: 'resolve, apply defaults, converge' },
  { pattern: /\bPlaces\b/, standard: 'attribute lookup' },
  { pattern: /\bWays\b|\bwaysTo\b|\bits ways\b/, standard: 'field sources' },
  { pattern: /\blives\b/i, standard: 'is, runs' },
  { pattern: /\blaid\b|\blaidOut\b|LaidOut\b/i, standard: 'preallocated, placed' },
  { pattern: /\b(?:interface|type) Found\b|\bFound[<[]/, standard: 'Recovered' },
  { pattern: /\bsound\b|\bSound[A-Z]\w*|\b(?:is|has)Sound\w*/i, standard: 'valid' },
  { pattern: /\bfaulty\w*/i, standard: 'invalid' },
  { pattern: /\bbeginYoung\b|\byoung(?:er|est)?\b/i, standard: 'new, recent' },
  { pattern: /\bholdDirectory\b/, standard: 'lockDirectory' },
  { pattern: /\bwhat (?:came|comes)\b|\bas (?:it|they) came\b/i, standard: 'input, received, raw JSON' },
  { pattern: /\bAsked\b|\breadQuestion\b/, standard: 'ParsedQuery, parseQuery' },
  { pattern: /\bOwnHealth\b|\bown-families\b|\bOWN_FAMILIES\b/, standard: 'SelfMetrics, self-metrics' },
  { pattern: /\bcaptured-?state\b|\bscratch\b/i, standard: 'snapshot, temporary file' },
  { pattern: /\bpaced(?:-?writer)?\b/i, standard: 'throttled' },
  { pattern: /\b(?:create|Recent|Summary)\w*Rooms\b/, standard: 'slab, arena' },
  { pattern: /\binTurn\b/, standard: 'enqueue, runExclusive' },
  { pattern: /\binSlices\b|\bcreatePause\b/, standard: 'runYielding, yieldToEventLoop' },
  { pattern: /\b(?:OpenForms|Forms)\b|\b(?:type|interface) Texts\b/, standard: 'ParsedBatch, rawJson' },
  { pattern: /\b(?:key-columns|group-sums|report-sweep)\b/, standard: 'aggregate cache, group totals' },
  { pattern: /\bleaving-?order\b/i, standard: 'eviction queue' },
  { pattern: /\bEXIT\.none\b/, standard: 'a named exit code' },
  { pattern: /\bwhom?ever\b/i, standard: 'a client that, anybody who' },
  { pattern: /\bwhom\b/i, standard: 'which agent, which client' },
  { pattern: /\baskers?\b/i, standard: 'client' },
  { pattern: /\b(?:told|tells?|telling|tell) (?:\w+ ){0,2}apart\b/i, standard: 'distinguish' },
  { pattern: /\b(?:holds?|held|holding) (?:\w+ )?up\b/i, standard: 'block, delay' },
  {
    pattern: /\b(?:anew|rubbish|mend(?:s|ed)?|likelier|surer)\b/i,
    standard: 'again, garbage, fix, more likely, more certain',
  },
  { pattern: /\bits kin\b/i, standard: 'related names' },
  { pattern: /\bfor ever\b/i, standard: 'permanently, without end' },
  { pattern: /\bnobody\b/i, standard: 'no client, no other process' },
  { pattern: /\b(?:is|are|was|were|been) told\b/i, standard: 'receives, is reported' },
  { pattern: /\bneed(?:s)? not (?:be|have)\b|\bthan it need be\b/i, standard: 'does not have to, than necessary' },
  {
    pattern: /\b(?:made|created) where\b|\bwhere there (?:is|are|was|were) (?:none|no|nothing)\b/i,
    standard: 'creates it if it does not exist, if there is none',
  },
  {
    pattern: /\b(?:stands?|standing|stood) (?:behind|beside|before|there|in it|in one|until)\b/i,
    standard: 'follows, precedes, is in, stays valid until',
  },
  { pattern: /\bpass(?:es)? (?:the|a) filter\b/i, standard: 'matches the filter' },
  { pattern: /\bone behind the other\b/i, standard: 'one after the other, adjacent' },
  { pattern: /\banswers (?:true|false|undefined|where|when it)\b/i, standard: 'returns' },
  { pattern: /\b(?:in vain|at hand|for good)\b/i, standard: 'without effect, available, permanently' },
  { pattern: /\b(?:takes?|taking|took) part\b/i, standard: 'is included, is counted' },
  { pattern: /\bhear[ds]? of\b/i, standard: 'is known, receives, is active' },
]

/** Words of the domain that a pattern would match, and why they stay. */
export const DOMAIN_WORDS: ReadonlyMap<RegExp, string> = new Map([
  [/\b(?:Promise\.)?allSettled\b|\bPromiseSettledResult\b/g, 'JavaScript API'],
  [/\bunsound\b/g, 'verdict of an experiment in the HTTP API'],
  [/\bhalf-lives\b/g, 'plural of half-life'],
  [/'nobody'|\bnobody:|=nobody&/g, 'name of an agent or of a user account'],
  [/\bcreateRandom\('[^']*'\)/g, 'seed of a simulation, whose figures are in the docs'],
])

/** Text files of the project. Fixtures are recorded, lock files generated. */
const TEXT = /\.(?:ts|md|ya?ml|json|service|grit)$|(?:^|\/)Dockerfile$/
const SKIPPED = /(?:^|\/)(?:node_modules|dist|fixtures|secrets|\.git|package-lock\.json)(?:\/|$)|test\/docs\/words\./

export interface Offence {
  readonly path: string
  readonly line: number
  readonly word: string
  readonly standard: string
}

/** The forbidden words in a text, with their lines. */
export function offencesIn(text: string, path: string): Offence[] {
  return text.split('\n').flatMap((original, index) => {
    let line = original
    for (const allowed of DOMAIN_WORDS.keys()) line = line.replaceAll(allowed, '')
    return WORDS.flatMap(({ pattern, standard }) => {
      const word = pattern.exec(line)?.[0]
      return word === undefined ? [] : [{ path, line: index + 1, word, standard }]
    })
  })
}

/** The forbidden words in a file, or in every text file below a folder. File names count as line 0. */
export function offencesBelow(root: string, path: string): Offence[] {
  return filesBelow(root, path).flatMap(file => [
    ...offencesIn(file, file).map(offence => ({ ...offence, line: 0 })),
    ...offencesIn(readFileSync(join(root, file), 'utf8'), file),
  ])
}

function filesBelow(root: string, path: string): string[] {
  const whole = join(root, path)
  const names = statSync(whole).isDirectory()
    ? readdirSync(whole, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(entry => relative(root, join(entry.parentPath, entry.name)))
    : [path]
  return names.filter(name => TEXT.test(name) && !SKIPPED.test(name)).sort()
}

if (import.meta.main) {
  const paths = process.argv.slice(2)
  for (const { path, line, word, standard } of (paths.length > 0 ? paths : ['src', 'test', 'bench', 'docs']).flatMap(
    one => offencesBelow('.', one),
  ))
    process.stdout.write(`${path}:${line}: "${word}" (use: ${standard})\n`)
}
