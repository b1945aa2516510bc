/** Measures every figure together with its baseline and peers. `npm run bench` or `npm run bench:quick`, optionally with names of groups. */
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { alertRows } from './rows/alerts.ts'
import { batchRows } from './rows/batch.ts'
import { inProcessRows } from './rows/in-process.ts'
import { openLoopRows } from './rows/open-loop.ts'
import { otlpRows } from './rows/otlp.ts'
import { questionRows } from './rows/questions.ts'
import { scrapeRows } from './rows/scrape.ts'
import { singleRows } from './rows/single.ts'
import { storageRows } from './rows/storage.ts'
import { storeRows } from './rows/stores.ts'
import { streamRows } from './rows/streams.ts'
import { benchFolder, PROJECT } from './support/folder.ts'
import { machineText } from './support/machine.ts'
import { pinSelf } from './support/pinned.ts'
import { reasonsText } from './support/reasons.ts'
import { type Bench, type Row, table } from './support/row.ts'

const GROUPS: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  single: singleRows,
  batch: batchRows,
  otlp: otlpRows,
  'open-loop': openLoopRows,
  streams: streamRows,
  questions: questionRows,
  alerts: alertRows,
  scrape: scrapeRows,
  'in-process': inProcessRows,
  storage: storageRows,
  stores: storeRows,
}

const RESULTS = new URL('RESULTS.md', import.meta.url)

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true })
const quick = values.quick === true
pinSelf()
const details: string[] = []
const bench: Bench = {
  ...(quick ? { rounds: 2, ms: 1000, warmUpMs: 400 } : { rounds: 5, ms: 1500, warmUpMs: 600 }),
  folder: benchFolder(),
  topRate: 15_000,
  log(text) {
    details.push(text)
    console.error(`  ${text}`)
  },
}
const rows: Row[] = []
const failures: string[] = []
const load = loadavg()[0]!
const startMs = performance.now()
for (const [name, group] of Object.entries(GROUPS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  console.error(`${name} …`)
  try {
    rows.push(...(await group(bench)))
  } catch (error) {
    failures.push(`${name} could not be measured: ${error instanceof Error ? error.message : error}`)
    console.error(error)
  }
}
const seconds = Math.round((performance.now() - startMs) / 1000)
const results = [
  '# Benchmarks',
  await machineText(PROJECT),
  `One run of \`npm run bench\` measures every figure together with its baseline and its peers: ${bench.rounds} interleaved rounds, ${seconds} s. Each ratio compares figures of the same round, because the clock speed of a shared machine drifts between rounds. The table shows the median ratio. The load average before the run was ${load.toFixed(1)}. Above 0.5, trust the ratios by CPU more than those of rates. The figures of the origin are constants, measured once on a machine of this kind. Batches and OTLP run with a journal limit of 128 MiB, so that the journal is full, as it soon is under such load. Memory that a virtual machine allocates for the first time costs several times as much as the server's work on it.`,
  table(rows),
  ...failures,
  reasonsText(rows),
  '## Behind the ratios',
  `Medians of the rounds. A server that used much less than a whole core was limited by something else: the load generator, the disk, or other processes.`,
  details.map(text => `- ${text}`).join('\n'),
  '',
].join('\n\n')
console.log(results)
if (!quick && positionals.length === 0) await writeFile(RESULTS, results)
process.exitCode = failures.length > 0 ? 1 : 0
