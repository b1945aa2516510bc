/** The directory of the default store: it survives a reboot and belongs to the user. */
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** The default of `--store` as the documentation shows it, short enough for the help on a terminal. */
export const DEFAULT_STORE_SHOWN = '$XDG_STATE_HOME/agent-performance/'

/**
 * The default of `--store`. Under systemd it is in the unit's StateDirectory (`$STATE_DIRECTORY`), otherwise in `$XDG_STATE_HOME/agent-performance`,
 * which is `~/.local/state/agent-performance` unless it is set (XDG Base Directory Specification 0.8: relative paths are ignored).
 */
export function defaultStore(env: Readonly<Record<string, string | undefined>>): string {
  return join(stateDirectory(env), 'agent_performance.json')
}

/** The default of `--spool` as the documentation shows it, in words that a terminal can wrap. */
export const DEFAULT_SPOOL_SHOWN = 'spool/ beside the default store'

/** The default of `--spool`: a folder beside the default store, in which each sidecar and store has its own. */
export function defaultSpool(env: Readonly<Record<string, string | undefined>>): string {
  return `${join(stateDirectory(env), 'spool')}/`
}

function stateDirectory({
  STATE_DIRECTORY,
  XDG_STATE_HOME,
  HOME,
}: Readonly<Record<string, string | undefined>>): string {
  // A unit may have several, separated by colons.
  const unit = STATE_DIRECTORY?.split(':', 1)[0]
  if (unit !== undefined && isAbsolute(unit)) return unit
  if (XDG_STATE_HOME !== undefined && isAbsolute(XDG_STATE_HOME)) return join(XDG_STATE_HOME, 'agent-performance')
  const home = HOME !== undefined && isAbsolute(HOME) ? HOME : homedir()
  return join(home, '.local', 'state', 'agent-performance')
}
