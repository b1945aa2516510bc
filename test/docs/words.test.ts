/** Private metaphors do not come back into text that was rewritten in standard terms. */
import { describe, expect, it } from 'vitest'
import { GROUPS } from '../../docs/reliability-rows.ts'
import { type Offence, offencesBelow, offencesIn } from './words.ts'

const ROOT = new URL('../../', import.meta.url).pathname

/** Files and folders without forbidden words. Add one here when it becomes clean: `node test/docs/words.ts src/...` lists what is left. */
const CLEAN = [
  '.ci',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'Dockerfile',
  'README.md',
  'SECURITY.md',
  'bench',
  'biome.json',
  'deploy',
  'docker-compose.yml',
  'docs',
  'examples',
  'grafana',
  'package.json',
  'prometheus',
  'src',
  'test/chaos',
  'test/command',
  'test/config',
  'test/core',
  'test/deploy.test.ts',
  'test/docs',
  'test/end-to-end',
  'test/expose',
  'test/grafana',
  'test/instrument',
  'test/lib',
  'test/openapi',
  'test/pressure',
  'test/pricing',
  'test/prometheus',
  'test/questions',
  'test/receive',
  'test/root',
  'test/server',
  'test/sidecar',
  'test/statistics',
  'test/store/conformance.ts',
  'test/store/engine',
  'test/store/events.test.ts',
  'test/store/file/adopt.test.ts',
  'test/store/file/append-file.test.ts',
  'test/store/file/appending-process.ts',
  'test/store/file/changed-schema.test.ts',
  'test/store/file/changed-tiers.test.ts',
  'test/store/file/chaos.test.ts',
  'test/store/file/conformance.test.ts',
  'test/store/file/crash.test.ts',
  'test/store/file/damage.test.ts',
  'test/store/file/failing-disk.test.ts',
  'test/store/file/failing-start.test.ts',
  'test/store/file/fake-disk.ts',
  'test/store/file/fake-file-system.ts',
  'test/store/file/fixtures.ts',
  'test/store/file/forks.test.ts',
  'test/store/file/group-commit.test.ts',
  'test/store/file/histories.ts',
  'test/store/file/lock.test.ts',
  'test/store/file/log-conformance.test.ts',
  'test/store/file/missing.test.ts',
  'test/store/file/model.test.ts',
  'test/store/file/opening.test.ts',
  'test/store/file/points.test.ts',
  'test/store/file/reader.test.ts',
  'test/store/file/retention.test.ts',
  'test/store/file/temp-file.test.ts',
  'test/store/log-conformance.ts',
  'test/store/memory-log.test.ts',
  'test/store/memory-log.ts',
  'test/store/snapshot',
  'test/support',
]

/**
 * Pages whose text comes from src/ (settings, metrics) or from the names of tests. They become clean with their source. The promises
 * of the reliability page are checked below.
 */
const FROM_CODE = ['docs/configuration.md', 'docs/metrics.md', 'docs/reliability.md', 'docs/reliability-rows.ts']

const told = ({ path, line, word, standard }: Offence): string => `${path}:${line}: "${word}" (use: ${standard})`

it.each(CLEAN)('%s uses standard terms', path => {
  const offences = offencesBelow(ROOT, path).filter(offence => !FROM_CODE.includes(offence.path))
  expect(offences.map(told)).toEqual([])
})

it('the promises of the reliability page use standard terms', () => {
  const texts = GROUPS.flatMap(([title, rows]) => [title, ...rows.flatMap(({ promise, not = '' }) => [promise, not])])
  expect(offencesIn(texts.join('\n'), 'docs/reliability-rows.ts').map(told)).toEqual([])
})

describe('the check', () => {
  it.each([
    ['a bucket that is asleep', 'asleep'],
    ['/** Lets go of old segments. */', 'Lets go'],
    ['const zeros = laidOut(file)', 'laidOut'],
    ['whoever asks gets all of it', 'whoever'],
    ['interface Found {', 'interface Found'],
    ['hasSoundFields(attempt)', 'hasSound'],
    ['a file that nobody reads', 'nobody'],
    ['every listener is told', 'is told'],
    ['the cell of a key, made where it is new', 'made where'],
    ['the median; 0 where there is none', 'where there is none'],
    ['the outcome that stands behind it', 'stands behind'],
    ['keys that pass the filter', 'pass the filter'],
    ['records one behind the other', 'one behind the other'],
    ['answers false if the queue is full', 'answers false'],
    ['the JSON that is at hand', 'at hand'],
    ['an attempt that takes part', 'takes part'],
    ['a series that was not heard of', 'heard of'],
  ])('finds a forbidden word in %j', (text, word) => {
    expect(offencesIn(text, 'x.ts')).toMatchObject([{ path: 'x.ts', line: 1, word: expect.stringContaining(word) }])
  })

  it.each([
    'await Promise.allSettled(writes)',
    "verdict: 'unsound'",
    "createRandom('young keys')",
    "{ agent_name: 'nobody' }",
    'older than ten half-lives',
    '404 Not Found',
  ])('accepts the domain word in %j', text => {
    expect(offencesIn(text, 'x.ts')).toEqual([])
  })
})
