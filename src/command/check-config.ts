/** `check-config`: the settings that `serve` would use, and the source of each value. */
import type { Command } from 'commander'
import { type InForce, loadConfig } from '../config/config.ts'
import { readStartup } from '../sidecar/startup.ts'
import { checkStore } from '../store/open.ts'
import { bold, type Io, print, printJson, widthOf } from './io.ts'
import { givenSettings, withSettings } from './settings-options.ts'
import { type Column, tableLines } from './table.ts'

const HELP = `
Takes the flags of serve, and checks what serve checks: the files of tokens,
rules, model aliases and prices, the certificate, the address and the store's
path. It accepts exactly what serve accepts, and changes nothing. Passwords are
masked. Exits as serve does: 64 or 78 for settings, 73 for the store's path, 77
for permissions.

Examples:
  agent-performance check-config --config agents.yaml
  agent-performance check-config --json | jq '.[] | select(.source == "file")'`

export function addCheckConfig(program: Command, io: Io): void {
  const command = program.command('check-config').summary('check the settings and show what is in force')
  command
    .description('Checks the settings and shows what is in force, and where each value came from.')
    .option('--json', 'print JSON, for programs')
  withSettings(command)
    .addHelpText('after', HELP)
    .action(async () => {
      const { config, inForce } = loadConfig(givenSettings(command, io.env))
      const { mappingChanges } = await readStartup(config)
      await checkStore(config.store)
      if (command.opts<{ json?: true }>().json) await printJson(io.stdout, withChanges(inForce, mappingChanges))
      else await print(io.stdout, [inForceText(inForce, io), ...changesText(mappingChanges)].join('\n'))
    })
}

function withChanges(inForce: readonly InForce[], changes: readonly string[]): unknown[] {
  return inForce.map(one => (one.name === 'otlp-mapping' && changes.length > 0 ? { ...one, changes } : one))
}

function changesText(changes: readonly string[]): string[] {
  return changes.length === 0
    ? []
    : ['', 'Rules for OTLP that otlp-mapping changes:', ...changes.map(one => `  ${one}`)]
}

const COLUMNS: readonly Column[] = ['setting', 'value', 'from'].map(title => ({ title, align: 'left' }))

function inForceText(inForce: readonly InForce[], io: Io): string {
  const rows = inForce.map(({ name, value, place, source }) => [name, valueText(value), fromText(place, source, name)])
  const [titles = '', ...lines] = tableLines(COLUMNS, rows, widthOf(io.stdout))
  return [bold(titles, io.stdout, io.env), ...lines].join('\n')
}

function valueText(value: InForce['value']): string {
  if (value === null || (Array.isArray(value) && value.length === 0)) return '-'
  return Array.isArray(value) ? value.join(', ') : String(value)
}

/** Omits the setting's name, with which the line begins. */
function fromText(place: string, source: InForce['source'], name: string): string {
  return source === 'file' ? place.slice(0, -`: ${name}`.length) : place
}
