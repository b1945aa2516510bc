/** `export --format document`: prints the documented file of a store. */
import type { Selection } from '../core/reports/selection.ts'
import { CommandError, EXIT } from './exit.ts'
import { counted } from './format.ts'
import { type Io, print, printJson, type TextOutput, write } from './io.ts'
import { openToRead } from './local.ts'
import { writeFileWhole } from './output-file.ts'
import { isNarrowed } from './parameters.ts'
import type { WhereOptions } from './where.ts'

/** The document holds every key and its last attempts: it cannot be narrowed, and only a store has it. */
export async function exportDocument(
  { store, json }: WhereOptions,
  { output, selection }: { readonly output: string | undefined; readonly selection: Selection },
  io: Io,
): Promise<void> {
  if (store === undefined)
    throw new CommandError(EXIT.usage, '--format document needs --store: a sidecar exports attempts only')
  if (isNarrowed(selection))
    throw new CommandError(EXIT.usage, '--format document holds everything: leave out the options that select')
  const opened = await openToRead(store, io.stderr)
  try {
    if (output === undefined) return await printTo({ write: text => write(io.stdout, text) }, opened)
    await writeFileWhole(output, to => printTo(to, opened))
    const keys = opened.state.tally.keys().length
    if (json) await printJson(io.stdout, { exported_keys: keys, output })
    else await print(io.stdout, `Exported the document of ${counted(keys, 'key')} to ${output}.`)
  } finally {
    await opened.close()
  }
}

async function printTo(to: TextOutput, opened: Awaited<ReturnType<typeof openToRead>>): Promise<void> {
  const { printStore } = await import('../store/document/print.ts')
  for await (const piece of printStore(opened, Date.now)) await to.write(Buffer.from(piece).toString())
}
