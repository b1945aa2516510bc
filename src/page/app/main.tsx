/** The live page: its document loads this module. */
import { render } from 'preact'
import { App } from './app.tsx'
import { openLive } from './data/live.ts'

openLive()
render(<App />, document.getElementById('page')!)
