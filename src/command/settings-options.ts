/** Derives the options of a command from the table of settings. */
import { type Command, Option } from 'commander'
import type { Environment, Given } from '../config/config.ts'
import { defaultOf, flagOf, settings } from '../config/settings.ts'

/** Adds `--config` and a flag for every setting, in the table's groups. */
export function withSettings(command: Command): Command {
  command.option('--config <path>', 'file of settings, JSON or YAML (default: $AGENT_PERFORMANCE_CONFIG)')
  for (const setting of settings) {
    const preset = defaultOf(setting)
    const many = setting.kind.given === 'many' ? ' Repeatable.' : ''
    const fallback = preset === '' || setting.kind.given === 'switch' ? '' : ` (default: ${preset})`
    const option = new Option(flagOf(setting), `${setting.description}${many}${fallback}`).helpGroup(
      `${setting.group}:`,
    )
    if (setting.kind.given === 'many') option.argParser<string[]>((value, before) => [...(before ?? []), value])
    command.addOption(option)
  }
  return command
}

/** The settings given on the command line, and the environment. */
export function givenSettings(command: Command, env: Environment): Given {
  const options = command.opts<Record<string, unknown>>()
  const flags = settings.map(setting => [setting.name, options[new Option(flagOf(setting)).attributeName()]])
  return { flags: Object.fromEntries(flags), env, configFile: options.config as string | undefined }
}
